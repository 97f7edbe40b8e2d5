"""
The web inbox: it shows the messages of the memory backend in a browser, and serves them as JSON.

`txsmtpx.inbox.inbox_service.InboxService` starts it.  The package needs the extra ``txsmtpx[web]``.
"""
