# A mail server for development, which keeps all mail in memory and shows it in a browser: docs/docker.md.

FROM python:3.13-slim AS build
COPY . /src
# The last command writes the list of plugins, where the user of the server may not write.
RUN python -m venv /opt/txsmtpx \
    && /opt/txsmtpx/bin/python -m pip install --no-cache-dir '/src[all]' \
    && /opt/txsmtpx/bin/twistd --help >/dev/null

FROM python:3.13-slim
COPY --from=build /opt/txsmtpx /opt/txsmtpx
RUN install --directory --owner=1025 --group=1025 /var/lib/txsmtpx
ENV PATH=/opt/txsmtpx/bin:$PATH PYTHONUNBUFFERED=1
USER 1025:1025
WORKDIR /var/lib/txsmtpx
EXPOSE 1025 8025
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s \
    CMD ["python", "-c", "import smtplib; smtplib.SMTP('127.0.0.1', 1025, timeout=4).quit()"]
ENTRYPOINT ["twistd", "--nodaemon", "--pidfile=", "smtpx"]
CMD ["--port", "tcp:1025", "--backend", "memory", "--web", "tcp:8025"]
