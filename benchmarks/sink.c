/*
 * sink: an SMTP server (RFC 5321) that is never the bottleneck, for clients to be measured by.
 *
 * It answers yes to everything, looks for nothing but the ends of lines and of messages, and counts.  All that one
 * segment brings is answered in one write.  It listens on a free port of 127.0.0.1, which it prints; for each line of
 * its standard input it prints, as one line of JSON, what it has counted since the one before, and ends with it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT = 1 << 18, OUTPUT = 1 << 16, LONGEST_REPLY = 256 };

typedef struct {
    int fd;
    bool in_message, at_beginning, over;
    long chunk;
    size_t held, said;
    char input[INPUT], output[OUTPUT];
} Connection;

static const char GREETING[] = "220 sink ESMTP\r\n", OK[] = "250 2.0.0 ok\r\n", GO[] = "354 go\r\n", BYE[] = "221 2.0.0 bye\r\n";
static const char OFFERED[] = "250-sink\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n";
static const char END[] = "\r\n.\r\n";

static long connections, messages, recipients, octets;
static const char *last_offered = "250 SIZE\r\n";
static int poller;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void flush(Connection *connection)
{
    for (size_t at = 0; at < connection->said;) {
        ssize_t done = write(connection->fd, connection->output + at, connection->said - at);
        if (done < 0) {
            connection->over = true;        /* one that does not read its replies gets no more */
            break;
        }
        at += done;
    }
    connection->said = 0;
}

static void say(Connection *connection, const char *reply)
{
    size_t length = strlen(reply);
    memcpy(connection->output + connection->said, reply, length);
    connection->said += length;
    if (connection->said > OUTPUT - LONGEST_REPLY)
        flush(connection);
}

static void take_command(Connection *connection, const char *line, size_t length)
{
    if (length >= 4 && !strncasecmp(line, "EHLO", 4)) {
        say(connection, OFFERED);
        say(connection, last_offered);
    } else if (length >= 4 && !strncasecmp(line, "DATA", 4)) {
        connection->in_message = connection->at_beginning = true;
        say(connection, GO);
    } else if (length >= 4 && !strncasecmp(line, "BDAT", 4)) {
        connection->chunk = atol(line + 4);
        messages += memmem(line, length, "LAST", 4) != NULL;
        if (!connection->chunk)
            say(connection, OK);
    } else if (length >= 4 && !strncasecmp(line, "QUIT", 4)) {
        say(connection, BYE);
        connection->over = true;
    } else {
        recipients += length >= 4 && !strncasecmp(line, "RCPT", 4);
        say(connection, OK);
    }
}

static char *take_chunk(Connection *connection, char *at, char *end)
{
    long taken = end - at < connection->chunk ? end - at : connection->chunk;
    octets += taken;
    connection->chunk -= taken;
    if (!connection->chunk)
        say(connection, OK);
    return at + taken;
}

/* Octets of a message, up to what may be the beginning of its end. */
static char *take_body(Connection *connection, char *at, char *end)
{
    bool empty = connection->at_beginning && end - at >= 3 && !memcmp(at, END + 2, 3);
    char *found = empty ? at - 2 : memmem(at, end - at, END, 5);
    if (!found) {
        if (end - at < 5)
            return at;
        connection->at_beginning = false;
        octets += end - at - 4;
        return end - 4;
    }
    octets += found + 2 - at;
    connection->in_message = false;
    messages++;
    say(connection, OK);
    return found + 5;
}

static char *take_some(Connection *connection, char *at, char *end)
{
    if (connection->chunk)
        return take_chunk(connection, at, end);
    if (connection->in_message)
        return take_body(connection, at, end);
    char *newline = memchr(at, '\n', end - at);
    if (!newline)
        return at;
    take_command(connection, at, newline - at);
    return newline + 1;
}

static void serve(Connection *connection)
{
    ssize_t done = read(connection->fd, connection->input + connection->held, INPUT - connection->held);
    char *at = connection->input, *end = at + connection->held + (done > 0 ? done : 0);
    while (done > 0 && at < end && !connection->over) {
        char *next = take_some(connection, at, end);
        if (next == at)
            break;
        at = next;
    }
    connection->held = end - at;
    memmove(connection->input, at, connection->held);
    flush(connection);
    if (done <= 0 || connection->over || connection->held == INPUT) {
        close(connection->fd);
        free(connection);
    }
}

static void watch(int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event))
        fail("epoll");
}

static void greet(int listener)
{
    Connection *connection = calloc(1, sizeof *connection);
    connection->fd = accept(listener, NULL, NULL);
    if (connection->fd < 0)
        fail("accept");
    int one = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connections++;
    watch(connection->fd, connection);
    say(connection, GREETING);
    flush(connection);
}

static void report(void)
{
    char line[256];
    ssize_t done = read(STDIN_FILENO, line, sizeof line);
    if (done <= 0)
        exit(0);
    printf("{\"connections\": %ld, \"messages\": %ld, \"recipients\": %ld, \"octets\": %ld}\n",
           connections, messages, recipients, octets);
    fflush(stdout);
    connections = messages = recipients = octets = 0;
}

static int listening(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof here;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&here, length) || listen(listener, 1000))
        fail("listen");
    getsockname(listener, (struct sockaddr *)&here, &length);
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);
    return listener;
}

int main(int count, char **words)
{
    if (count == 2 && !strcmp(words[1], "--chunking"))
        last_offered = "250-CHUNKING\r\n250 SIZE\r\n";
    signal(SIGPIPE, SIG_IGN);
    poller = epoll_create1(0);
    int listener = listening();
    watch(listener, &listener);
    watch(STDIN_FILENO, NULL);
    for (;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < ready; i++)
            if (!events[i].data.ptr)
                report();
            else if (events[i].data.ptr == &listener)
                greet(listener);
            else
                serve(events[i].data.ptr);
    }
}
