"""The options of ``twistd smtpx``, a file a group; `txsmtpx.command.box` lists them."""
