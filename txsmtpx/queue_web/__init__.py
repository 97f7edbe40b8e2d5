"""
The web site of a queue: it lists the messages of a queue, and changes them, as ``python -m txsmtpx.queue`` does.

`txsmtpx.queue_web.queue_web_service.QueueWebService` starts it.  The pages need the extra ``txsmtpx[web]``.
"""
