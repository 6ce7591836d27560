/* SPDX-License-Identifier: MIT */
#include "program.h"

#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NOBODY   65534
#define KEPT_MAX (256 * 1024)

struct program {
    pid_t pid;
    int output;
    const char *ready;
    pthread_t reader;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t told;
    bool is_ready, has_ended;
    size_t size;
    char text[KEPT_MAX + 1]; /* what it wrote first */
};

/* Takes all that it writes, so that it never waits for anybody. */
static void *read_output(void *data)
{
    struct program *program = data;
    char chunk[4096];
    for (ssize_t size; (size = read(program->output, chunk, sizeof chunk)) > 0;) {
        pthread_mutex_lock(&program->lock);
        size_t room = KEPT_MAX - program->size, kept = (size_t)size < room ? (size_t)size : room;
        memcpy(program->text + program->size, chunk, kept);
        program->size += kept;
        program->is_ready |= program->ready &&
                             memmem(program->text, program->size, program->ready, strlen(program->ready));
        pthread_cond_signal(&program->told);
        pthread_mutex_unlock(&program->lock);
    }
    pthread_mutex_lock(&program->lock);
    program->has_ended = true;
    pthread_cond_signal(&program->told);
    pthread_mutex_unlock(&program->lock);
    return NULL;
}

static bool is_open_to_nobody(const char *path)
{
    bool open = seteuid(NOBODY) == 0 && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
    return seteuid(0) == 0 && open;
}

static void become(const char *const argv[], const char *const environment[], int output, bool drops)
{
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (drops && (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    dup2(in, 0);
    dup2(output, 1);
    dup2(output, 2);
    execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
    _exit(127);
}

struct program *program_new(const char *const argv[], const char *const environment[], const char *ready)
{
    struct program *program = calloc(1, sizeof *program);
    int ends[2];
    assert_non_null(program);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    bool drops = getuid() == 0 && is_open_to_nobody(argv[0]);
    program->pid = fork();
    assert_true(program->pid >= 0);
    if (program->pid == 0)
        become(argv, environment, ends[1], drops);
    close(ends[1]);
    program->output = ends[0];
    program->ready = ready;
    pthread_mutex_init(&program->lock, NULL);
    pthread_cond_init(&program->told, NULL);
    assert_int_equal(pthread_create(&program->reader, NULL, read_output, program), 0);
    pthread_mutex_lock(&program->lock);
    while (ready && !program->is_ready && !program->has_ended)
        pthread_cond_wait(&program->told, &program->lock);
    bool good = !ready || program->is_ready;
    pthread_mutex_unlock(&program->lock);
    if (!good)
        fail_msg("%s did not start: %s", argv[0], program->text);
    return program;
}

/* With all that it started itself. */
void program_kill(struct program *program)
{
    if (program->pid == 0)
        return;
    kill(-program->pid, SIGKILL);
    kill(program->pid, SIGKILL);
    while (waitpid(program->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    program->pid = 0;
}

void program_free(struct program *program)
{
    if (!program)
        return;
    program_kill(program);
    pthread_join(program->reader, NULL);
    close(program->output);
    pthread_mutex_destroy(&program->lock);
    pthread_cond_destroy(&program->told);
    free(program);
}

char *program_folder(char path[64])
{
    make_folder(path);
    if (getuid() == 0)
        assert_int_equal(chown(path, NOBODY, NOBODY), 0);
    return path;
}

uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

const char *servers_folder(void)
{
    const char *folder = getenv("PAWL_TEST_SERVERS");
    char path[512];
    snprintf(path, sizeof path, "%s/packages", folder ? folder : "");
    if (!folder || access(path, R_OK) < 0)
        fail_msg("no servers are in %s: run \"scripts/setup --tests\"", folder ? folder : "$PAWL_TEST_SERVERS");
    return folder;
}

static void write_file(const char *folder, const char *name, mode_t mode, const char *content)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

/* ---- NATS ---- */

struct program *nats_new(const char *folder, uint16_t port, const char *configuration)
{
    char program[512], content[4096], path[128];
    snprintf(program, sizeof program, "%s/usr/sbin/nats-server", servers_folder());
    snprintf(content, sizeof content, "listen: 127.0.0.1:%u\njetstream { store_dir: \"%s\" }\n%s\n", port, folder,
             configuration);
    write_file(folder, "nats.conf", 0644, content);
    snprintf(path, sizeof path, "%s/nats.conf", folder);
    const char *argv[] = {program, "-c", path, NULL}, *environment[] = {NULL};
    return program_new(argv, environment, "Server is ready");
}

/* ---- RabbitMQ ---- */

/* Erlang as Debian has it knows where it was installed; here it is not. */
static const char erl[] = "#!/bin/sh\n"
                          "ROOTDIR=%1$s/usr/lib/erlang\n"
                          "BINDIR=$(echo \"$ROOTDIR\"/erts-*/bin)\n"
                          "EMU=beam\n"
                          "PROGNAME=erl\n"
                          "export ROOTDIR BINDIR EMU PROGNAME\n"
                          "exec \"$BINDIR/erlexec\" \"$@\"\n";
static const char epmd[] = "#!/bin/sh\n"
                           "exec %1$s/usr/lib/erlang/erts-*/bin/epmd -d -port \"$ERL_EPMD_PORT\" -address 127.0.0.1\n";
static const char broker[] =
    "#!/bin/sh\n"
    "exec %1$s/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server -noshell -noinput\n";

static void write_script(const char *folder, const char *name, const char *format)
{
    char content[2048];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(content, sizeof content, format, servers_folder());
#pragma GCC diagnostic pop
    write_file(folder, name, 0755, content);
}

#define TEXT_SIZE 192

/* All of its ports are on loopback, and it tells nobody of them but the port mapper that is started for it alone. */
void rabbitmq_start(struct rabbitmq *rabbitmq)
{
    const char *folder = program_folder(rabbitmq->folder);
    uint16_t mapper = free_port(), other = free_port();
    char text[16][TEXT_SIZE];
    const char *environment[17] = {NULL}, *argv[] = {NULL, NULL};
    const struct {
        const char *name, *value;
    } paths[] = {{"PATH", ":/usr/bin:/bin"},
                 {"HOME", ""},
                 {"RABBITMQ_CONFIG_FILE", "/rabbitmq.conf"},
                 {"RABBITMQ_MNESIA_BASE", "/mnesia"},
                 {"RABBITMQ_LOG_BASE", "/log"},
                 {"RABBITMQ_ENABLED_PLUGINS_FILE", "/enabled_plugins"},
                 {"RABBITMQ_PID_FILE", "/pid"}};
    size_t count = 0;
    rabbitmq->port = free_port();
    write_script(folder, "erl", erl);
    write_script(folder, "epmd.sh", epmd);
    write_script(folder, "broker.sh", broker);
    snprintf(text[0], TEXT_SIZE, "listeners.tcp.1 = 127.0.0.1:%u\nlog.console = true\n", rabbitmq->port);
    write_file(folder, "rabbitmq.conf", 0644, text[0]);
    for (; count < sizeof paths / sizeof *paths; count++)
        snprintf(text[count], TEXT_SIZE, "%s=%s%s", paths[count].name, folder, paths[count].value);
    snprintf(text[count++], TEXT_SIZE, "ERL_EPMD_PORT=%u", mapper);
    snprintf(text[count++], TEXT_SIZE, "ERL_EPMD_ADDRESS=127.0.0.1");
    snprintf(text[count++], TEXT_SIZE, "RABBITMQ_DIST_PORT=%u", other);
    snprintf(text[count++], TEXT_SIZE, "RABBITMQ_NODENAME=pawl@localhost");
    snprintf(text[count++], TEXT_SIZE, "RABBITMQ_CONF_ENV_FILE=/dev/null");
    snprintf(text[count++], TEXT_SIZE, "RABBITMQ_ALLOW_INPUT=1"); /* so that its script becomes it */
    snprintf(text[count++], TEXT_SIZE, "RABBITMQ_LOGS=-");
    snprintf(text[count++], TEXT_SIZE,
             "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}");
    for (size_t i = 0; i < count; i++)
        environment[i] = text[i];
    char path[128];
    argv[0] = path;
    snprintf(path, sizeof path, "%s/epmd.sh", folder);
    rabbitmq->epmd = program_new(argv, environment, "epmd running");
    snprintf(path, sizeof path, "%s/broker.sh", folder);
    rabbitmq->broker = program_new(argv, environment, "Server startup complete");
}

void rabbitmq_stop(struct rabbitmq *rabbitmq)
{
    program_free(rabbitmq->broker);
    program_free(rabbitmq->epmd);
    remove_folder(rabbitmq->folder);
}
