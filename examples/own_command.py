"""A backend whose server has a command of its own, which tells the time."""

from txsmtpx import Extension, MemoryBackend, Reply, Verb


def tell(dialog, argument):
    return Reply(250, (2, 0, 0), "High time")


class Backend(MemoryBackend):
    supports = (Extension("XTIME", "none yet", verbs=(Verb("XTIME", tell, "XTIME"),)),)
