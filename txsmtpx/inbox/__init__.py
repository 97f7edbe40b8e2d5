"""
An inbox for developers: the messages of the memory backend in a browser, and by a small JSON API.

`txsmtpx.inbox.inbox_service.InboxService` is the whole of it.  It needs the extra ``txsmtpx[web]``.
"""
