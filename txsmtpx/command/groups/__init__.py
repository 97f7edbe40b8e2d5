"""The options of C{twistd smtpx}, a file a group; L{txsmtpx.command.box} lists them."""
