/*
 * load: an SMTP (RFC 5321) and LMTP (RFC 2033) client that is never the bottleneck.
 *
 * What is to be said is laid out once, as a script of steps: octets to write, and the replies they must get, in order.
 * Every connection walks through the same octets; to send a message is to write from memory, and to read is to
 * look for line ends.  A reply that is not the expected one ends the program with status 1, so that a server that
 * refuses never looks fast.  Status 3 says that the server does not offer what the case needs.
 *
 * Prints a line of JSON: sessions, messages, recipients, octets, seconds by the clock and of its own CPU.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

enum { REFUSED = 1, USAGE = 2, NOT_OFFERED = 3 };
enum { BLOCK = 1 << 20, INPUT = 1 << 16, VECTORS = 16, PATIENCE = 30, BURST = 50 };

typedef struct { const char *octets; size_t size; long times; } Piece;      /* written so many times */
typedef struct { int code; long times; } Reply;                             /* expected so many times */
typedef struct { Piece *pieces; int piece_count; Reply *replies; int reply_count; } Step;
typedef struct { Step *steps; int count; } Script;

typedef enum { OPENING, FIRST, NEXT, LAST, CLOSING, PARKED, PHASES } Phase;

typedef struct {
    int fd;
    SSL *tls;
    Phase phase;
    int step, piece, reply;
    long piece_times, reply_times, messages;
    size_t offset, held;
    bool wants_write, handshaking, connecting;
    char *input;
} Connection;

static const char *address, *pipeline = "none", *body_kind = "wrapped", *message_file;
static long connections = 1, messages = 1, recipients = 1, size = 4096, chunk = 0, per_connection = -1;
static bool lmtp, tls, hold, chunking_offered;

static Script scripts[PHASES];
static Connection *all;
static long started, ungreeted, messages_left, sessions_left, sessions_done, messages_done, open_connections, parked;
static SSL_CTX *context;
static int poller;

static void fail(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "load: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    exit(status);
}

static void *room(size_t octets)
{
    void *found = calloc(1, octets ? octets : 1);
    if (!found)
        fail(USAGE, "no memory for %zu octets", octets);
    return found;
}

/* ---- what is said */

static Step *add_step(Script *script)
{
    script->steps = realloc(script->steps, (script->count + 1) * sizeof(Step));
    Step *step = &script->steps[script->count++];
    memset(step, 0, sizeof *step);
    return step;
}

static void say(Step *step, const char *octets, size_t count, long times)
{
    if (!count || !times)
        return;
    step->pieces = realloc(step->pieces, (step->piece_count + 1) * sizeof(Piece));
    step->pieces[step->piece_count++] = (Piece){octets, count, times};
}

static void expect(Step *step, int code, long times)
{
    if (!times)
        return;
    step->replies = realloc(step->replies, (step->reply_count + 1) * sizeof(Reply));
    step->replies[step->reply_count++] = (Reply){code, times};
}

static void say_line(Step *step, int code, const char *format, ...)
{
    char *line;
    va_list arguments;
    va_start(arguments, format);
    int count = vasprintf(&line, format, arguments);
    say(step, line, count, 1);
    expect(step, code, 1);
}

/* One piece of what are many, where it is not too large: one write, and one record of TLS. */
static void join(Step *step)
{
    size_t total = 0, at = 0;
    for (int i = 0; i < step->piece_count; i++)
        total += step->pieces[i].size * step->pieces[i].times;
    if (total > BLOCK || step->piece_count < 2)
        return;
    char *joined = room(total);
    for (int i = 0; i < step->piece_count; i++)
        for (long n = 0; n < step->pieces[i].times; n++, at += step->pieces[i].size)
            memcpy(joined + at, step->pieces[i].octets, step->pieces[i].size);
    step->piece_count = 0;
    say(step, joined, total, 1);
}

static const char HEADER[] =
    "From: <sender@example.org>\r\nTo: <recipient@example.net>\r\nSubject: A message to measure by\r\n"
    "Date: Wed, 25 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n";

static unsigned next_random(void)
{
    static unsigned state = 1;
    return (state = state * 1664525u + 1013904223u) >> 8;
}

/* A line of SIZE octets, its line end included, as it is on the wire. */
static void fill_line(char *line, size_t count, long number)
{
    if (!strcmp(body_kind, "prose")) {
        for (size_t i = 0, word = 3; i < count; i++, word--) {
            line[i] = word ? 'a' + next_random() % 26 : ' ';
            if (!word)
                word = 2 + next_random() % 9;
        }
    } else {
        memset(line, 'X', count);
        line[0] = '0' + number % 10;                                        /* as smtp-source does */
        if (!strcmp(body_kind, "dots") && count > 4)
            line[0] = line[1] = '.';
    }
    memcpy(line + count - 2, "\r\n", 2);
}

/* COUNT octets of lines, each of them whole. */
static void fill_lines(char *octets, size_t count)
{
    for (long number = 0; count; number++) {
        size_t length = 80;
        if (!strcmp(body_kind, "prose"))
            length = number % 12 == 11 ? 2 : 55 + next_random() % 20;      /* an empty line after a paragraph */
        if (length + 4 > count)
            length = count;
        fill_line(octets, length, number);
        octets += length;
        count -= length;
    }
}

/* A message in a file, as it is on the wire. */
static void say_file(Step *step)
{
    FILE *file = fopen(message_file, "rb");
    char *content = room(BLOCK);
    size_t count = file ? fread(content, 1, BLOCK, file) : 0;
    if (!count || count == BLOCK || memcmp(content + count - 2, "\r\n", 2))
        fail(USAGE, "%s: a message has lines that end in CRLF, and less than %d octets", message_file, BLOCK);
    fclose(file);
    say(step, content, count, 1);
}

/* The message as it is on the wire, without the dot that ends it. */
static void say_content(Step *step, long count)
{
    if (message_file) {
        say_file(step);
        return;
    }
    size_t header = sizeof HEADER - 1;
    if (count < (long)header + 8)
        fail(USAGE, "a message has at least %zu octets", header + 8);
    long left = count - header, times = left / BLOCK, tail = left % BLOCK;
    if (times && tail < 8)
        times--, tail += BLOCK;
    say(step, HEADER, header, 1);
    if (times) {
        char *block = room(BLOCK);
        fill_lines(block, BLOCK);
        say(step, block, BLOCK, times);
    }
    if (tail) {
        char *rest = room(tail);
        fill_lines(rest, tail);
        say(step, rest, tail, 1);
    }
}

static void say_body(Step *step)
{
    say_content(step, size);
    say(step, ".\r\n", 3, 1);
    expect(step, 250, lmtp ? recipients : 1);
}

static void say_chunks(Step *step)
{
    char *content = room(size);
    memcpy(content, HEADER, sizeof HEADER - 1);
    fill_lines(content + sizeof HEADER - 1, size - sizeof HEADER + 1);
    for (long at = 0; at < size; at += chunk) {
        bool last = at + chunk >= size;
        say_line(step, 250, last ? "BDAT %ld LAST\r\n" : "BDAT %ld\r\n", last ? size - at : chunk);
        say(step, content + at, last ? size - at : chunk, 1);
    }
    if (lmtp)
        expect(step, 250, recipients - 1);
}

/* MAIL, and what follows up to the body, in one step or in one each. */
static void say_envelope(Script *script, Step *step, bool together)
{
    step = step ? step : add_step(script);
    say_line(step, 250, "MAIL FROM:<sender@example.org>\r\n");
    for (long n = 0; n < recipients; n++) {
        step = together ? step : add_step(script);
        say_line(step, 250, "RCPT TO:<recipient%ld@example.net>\r\n", n);
    }
    if (!chunk) {
        step = together ? step : add_step(script);
        say_line(step, 354, "DATA\r\n");
    }
}

static void write_scripts(void)
{
    bool alone = !strcmp(pipeline, "none");
    Step *step = add_step(&scripts[OPENING]);
    expect(step, 220, 1);
    say_line(add_step(&scripts[OPENING]), 250, lmtp ? "LHLO load.example.org\r\n" : "EHLO load.example.org\r\n");
    say_line(add_step(&scripts[CLOSING]), 221, "QUIT\r\n");
    if (!strcmp(pipeline, "messages") && !chunk) {
        say_envelope(&scripts[FIRST], NULL, true);
        step = add_step(&scripts[NEXT]);
        say_body(step);
        say_envelope(&scripts[NEXT], step, true);
        say_body(add_step(&scripts[LAST]));
    } else {
        say_envelope(&scripts[NEXT], NULL, !alone);
        if (chunk)
            say_chunks(alone ? add_step(&scripts[NEXT]) : &scripts[NEXT].steps[scripts[NEXT].count - 1]);
        else
            say_body(add_step(&scripts[NEXT]));
        scripts[FIRST] = scripts[NEXT];
    }
    for (int phase = 0; phase < PHASES; phase++)
        for (int i = 0; i < scripts[phase].count; i++)
            join(&scripts[phase].steps[i]);
}

/* ---- connections */

static void watch(Connection *connection, int operation)
{
    bool writes = connection->wants_write || connection->connecting;
    struct epoll_event event = {.events = EPOLLIN | (writes ? EPOLLOUT : 0), .data.ptr = connection};
    if (epoll_ctl(poller, operation, connection->fd, &event))
        fail(REFUSED, "epoll: %s", strerror(errno));
}

static void start(Connection *connection)
{
    char *input = connection->input ? connection->input : room(INPUT);
    *connection = (Connection){.input = input, .connecting = true};
    const char *colon = strrchr(address, ':');
    union { struct sockaddr any; struct sockaddr_in ip; struct sockaddr_un path; } to = {0};
    socklen_t length = sizeof to.ip;
    if (address[0] == '/') {
        to.path.sun_family = AF_UNIX;
        strncpy(to.path.sun_path, address, sizeof to.path.sun_path - 1);
        length = sizeof to.path;
    } else {
        to.ip.sin_family = AF_INET;
        to.ip.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        to.ip.sin_port = htons(atoi(colon ? colon + 1 : address));
    }
    connection->fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connection->fd < 0)
        fail(REFUSED, "socket: %s", strerror(errno));
    int one = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(connection->fd, &to.any, length) && errno != EINPROGRESS)
        fail(REFUSED, "connect to %s: %s", address, strerror(errno));
    if (tls) {
        connection->tls = SSL_new(context);
        SSL_set_fd(connection->tls, connection->fd);
        SSL_set_connect_state(connection->tls);
        connection->handshaking = true;
    }
    open_connections++;
    ungreeted++;
    watch(connection, EPOLL_CTL_ADD);
}

/* A few at a time, since a server's queue of connections is short. */
static void start_some(void)
{
    while (started < connections && ungreeted < BURST)
        start(&all[started++]);
}

static void finish(Connection *connection)
{
    if (connection->tls) {
        SSL_shutdown(connection->tls);
        SSL_free(connection->tls);
    }
    close(connection->fd);
    connection->fd = -1;
    open_connections--;
    sessions_done++;
}

/* Whether TLS only waits for the socket. */
static bool tls_waits(Connection *connection, int result)
{
    int error = SSL_get_error(connection->tls, result);
    if (error == SSL_ERROR_WANT_WRITE)
        connection->wants_write = true;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return true;
    unsigned long reason = ERR_get_error();
    fail(REFUSED, "TLS: %s", reason ? ERR_error_string(reason, NULL) : "the connection was lost");
    return false;
}

static ssize_t put_some(Connection *connection, Step *step)
{
    if (connection->tls) {
        Piece *piece = &step->pieces[connection->piece];
        int done = SSL_write(connection->tls, piece->octets + connection->offset, piece->size - connection->offset);
        return done > 0 ? done : (tls_waits(connection, done), 0);
    }
    struct iovec vectors[VECTORS];
    int count = 0, at = connection->piece;
    long times = connection->piece_times;
    size_t offset = connection->offset;
    while (count < VECTORS && at < step->piece_count) {
        Piece *piece = &step->pieces[at];
        vectors[count++] = (struct iovec){(char *)piece->octets + offset, piece->size - offset};
        offset = 0;
        if (++times == piece->times)
            times = 0, at++;
    }
    ssize_t done = writev(connection->fd, vectors, count);
    if (done < 0 && errno != EAGAIN)
        fail(REFUSED, "write: %s", strerror(errno));
    return done < 0 ? 0 : done;
}

/* Write what the step has left, as far as the socket takes it. */
static void put(Connection *connection)
{
    Step *step = &scripts[connection->phase].steps[connection->step];
    bool wanted = connection->wants_write;
    connection->wants_write = false;
    while (connection->piece < step->piece_count) {
        ssize_t done = put_some(connection, step);
        if (!done) {
            connection->wants_write = true;
            break;
        }
        for (size_t left = done; left;) {
            Piece *piece = &step->pieces[connection->piece];
            size_t taken = piece->size - connection->offset;
            if (taken > left) {
                connection->offset += left;
                break;
            }
            left -= taken;
            connection->offset = 0;
            if (++connection->piece_times == piece->times)
                connection->piece_times = 0, connection->piece++;
        }
    }
    if (wanted != connection->wants_write)
        watch(connection, EPOLL_CTL_MOD);
}

static Phase next_phase(Connection *connection)
{
    Phase over = hold ? PARKED : CLOSING, phase = connection->phase;
    messages_done += phase == NEXT || (phase == FIRST && !scripts[LAST].count) || (phase == LAST && scripts[LAST].count);
    if (phase == LAST || per_connection == 0)
        return over;
    if (messages_left > 0 && (per_connection < 0 || connection->messages < per_connection)) {
        messages_left--;
        connection->messages++;
        return phase == OPENING ? FIRST : NEXT;
    }
    return phase == OPENING ? over : LAST;
}

/* Go on where all replies of a step are here; false when there is nothing more to say. */
static bool advance(Connection *connection)
{
    if (connection->phase == OPENING && connection->step == 1 && chunk && !chunking_offered)
        fail(NOT_OFFERED, "the server does not offer CHUNKING");
    if (connection->phase == OPENING && connection->step == 0) {
        ungreeted--;
        start_some();
    }
    connection->step++;
    while (connection->step == scripts[connection->phase].count) {
        if (connection->phase == CLOSING) {
            finish(connection);
            return false;
        }
        connection->phase = next_phase(connection);
        connection->step = 0;
        if (connection->phase == PARKED) {
            parked++;
            return false;
        }
    }
    connection->piece = connection->reply = 0;
    connection->reply_times = 0;
    put(connection);
    return true;
}

/* One line of a reply; false when there is nothing more to say. */
static bool take_line(Connection *connection, const char *line, size_t length)
{
    if (connection->phase == PARKED)
        fail(REFUSED, "not asked for: %.*s", (int)length, line);
    Step *step = &scripts[connection->phase].steps[connection->step];
    Reply *expected = &step->replies[connection->reply];
    if (connection->reply == step->reply_count || length < 3 || atoi(line) != expected->code)
        fail(REFUSED, "not %d but: %.*s", connection->reply < step->reply_count ? expected->code : 0, (int)length, line);
    if (length >= 12 && !strncasecmp(line + 4, "CHUNKING", 8))
        chunking_offered = true;
    if (length > 3 && line[3] == '-')
        return true;
    if (++connection->reply_times == expected->times)
        connection->reply_times = 0, connection->reply++;
    if (connection->reply < step->reply_count)
        return true;
    if (connection->piece < step->piece_count)
        fail(REFUSED, "the last reply came before all was sent");
    return advance(connection);
}

static ssize_t get_some(Connection *connection)
{
    char *into = connection->input + connection->held;
    size_t free = INPUT - connection->held;
    if (connection->tls) {
        int done = SSL_read(connection->tls, into, free);
        return done > 0 ? done : (tls_waits(connection, done), 0);
    }
    ssize_t done = read(connection->fd, into, free);
    if (done < 0 && errno == EAGAIN)
        return 0;
    if (done <= 0)
        fail(REFUSED, "the connection was lost: %s", done ? strerror(errno) : "closed by the server");
    return done;
}

static void get(Connection *connection)
{
    ssize_t done;
    do {
        if (!(done = get_some(connection)))
            return;
        connection->held += done;
        char *at = connection->input, *end = connection->input + connection->held, *newline;
        while ((newline = memchr(at, '\n', end - at))) {
            char *line = at;
            at = newline + 1;
            if (!take_line(connection, line, newline - line) && connection->fd < 0) {
                if (sessions_left > 0)
                    sessions_left--, start(connection);
                return;
            }
        }
        connection->held = end - at;
        memmove(connection->input, at, connection->held);
        if (connection->held == INPUT)
            fail(REFUSED, "a reply line without an end");
    } while (connection->tls && SSL_pending(connection->tls));
}

static void shake_hands(Connection *connection)
{
    bool wanted = connection->wants_write || connection->connecting;
    connection->wants_write = false;
    int result = SSL_do_handshake(connection->tls);
    if (result == 1)
        connection->handshaking = false;
    else
        tls_waits(connection, result);
    connection->connecting = false;
    if (wanted != connection->wants_write)
        watch(connection, EPOLL_CTL_MOD);
}

static void serve(Connection *connection, unsigned events)
{
    if (connection->connecting && !connection->tls) {
        int error = 0;
        socklen_t length = sizeof error;
        getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error)
            fail(REFUSED, "connect to %s: %s", address, strerror(error));
        connection->connecting = false;
        watch(connection, EPOLL_CTL_MOD);
    }
    if (connection->handshaking) {
        shake_hands(connection);
        if (connection->handshaking)
            return;
        events |= EPOLLIN;
    }
    if (connection->wants_write && events & EPOLLOUT)
        put(connection);
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        get(connection);
}

/* ---- the whole */

static double now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

/* Until all connections are over, or parked. */
static void run(void)
{
    static struct epoll_event events[1024];
    while (open_connections > parked) {
        int count = epoll_wait(poller, events, 1024, PATIENCE * 1000);
        if (!count)
            fail(REFUSED, "no answer for %d seconds", PATIENCE);
        for (int i = 0; i < count; i++)
            serve(events[i].data.ptr, events[i].events);
    }
}

static void report(double since, double cpu_since)
{
    printf("{\"sessions\": %ld, \"messages\": %ld, \"recipients\": %ld, \"octets\": %ld, \"seconds\": %.6f, "
           "\"cpu\": %.6f}\n", sessions_done, messages_done, messages_done * recipients, messages_done * size,
           now(CLOCK_MONOTONIC) - since, now(CLOCK_PROCESS_CPUTIME_ID) - cpu_since);
    fflush(stdout);
    sessions_done = messages_done = 0;
}

/* As many messages as each line says, on the connections that are open. */
static void obey(void)
{
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        double start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
        messages_left = atol(line);
        for (long n = 0; n < connections && messages_left > 0; n++) {
            all[n].phase = OPENING;
            all[n].step = scripts[OPENING].count - 1;
            parked--;
            advance(&all[n]);
        }
        run();
        report(start, cpu);
    }
}

static void usage(void)
{
    fail(USAGE, "load [options] PORT|PATH\n"
         "  --connections N      at a time [1]\n"
         "  --messages N         in all [1]\n"
         "  --per-connection N   messages, then QUIT; 0 for sessions without any, --messages of them [all]\n"
         "  --recipients N       each message [1]\n"
         "  --size OCTETS        each message, on the wire [4096]\n"
         "  --body KIND          wrapped, as smtp-source does, prose, or dots: every line begins with one\n"
         "  --message FILE       a message of its own, with dots doubled and lines that end in CRLF\n"
         "  --pipeline HOW       none, envelope, or messages: one into the next\n"
         "  --bdat OCTETS        send by BDAT, in chunks of so many\n"
         "  --lmtp  --tls        LMTP; TLS from the start\n"
         "  --hold               connect, report, and then send as many as each line of the standard input says");
}

static void options(int count, char **words)
{
    static const struct option known[] = {
        {"connections", 1, 0, 'c'}, {"messages", 1, 0, 'm'}, {"per-connection", 1, 0, 'p'}, {"recipients", 1, 0, 'r'},
        {"size", 1, 0, 's'}, {"body", 1, 0, 'b'}, {"message", 1, 0, 'M'}, {"pipeline", 1, 0, 'P'}, {"bdat", 1, 0, 'B'},
        {"lmtp", 0, 0, 'l'}, {"tls", 0, 0, 't'}, {"hold", 0, 0, 'h'}, {0}};
    for (int option; (option = getopt_long(count, words, "", known, NULL)) != -1;)
        switch (option) {
        case 'c': connections = atol(optarg); break;
        case 'm': messages = atol(optarg); break;
        case 'p': per_connection = atol(optarg); break;
        case 'r': recipients = atol(optarg); break;
        case 's': size = atol(optarg); break;
        case 'b': body_kind = optarg; break;
        case 'M': message_file = optarg; break;
        case 'P': pipeline = optarg; break;
        case 'B': chunk = atol(optarg); break;
        case 'l': lmtp = true; break;
        case 't': tls = true; break;
        case 'h': hold = true; break;
        default: usage();
        }
    if (optind != count - 1)
        usage();
    address = words[optind];
}

static void prepare(void)
{
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poller = epoll_create1(0);
    if (tls) {
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    }
    long sessions = per_connection < 0 ? connections
                  : per_connection == 0 ? messages : (messages + per_connection - 1) / per_connection;
    if (connections > sessions)
        connections = sessions;
    sessions_left = sessions - connections;
    messages_left = hold ? 0 : messages;
    write_scripts();
}

int main(int count, char **words)
{
    options(count, words);
    prepare();
    double since = now(CLOCK_MONOTONIC);
    all = room(connections * sizeof *all);
    start_some();
    run();
    report(since, 0);
    if (hold)
        obey();
    return 0;
}
