"""A backend with an additional command, XTIME, which returns the time."""

from txsmtpx import Extension, MemoryBackend, Reply, Verb


def xtime(dialog, argument):
    return Reply(250, (2, 0, 0), "High time")


class Backend(MemoryBackend):
    supports = (Extension("XTIME", "none yet", verbs=(Verb("XTIME", xtime, "XTIME"),)),)
