/* One raw call, named by the first argument, to the address and port that follow. Prints "done" or the error's name. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_in four;
static struct sockaddr_in6 six;

static int is(const char *a, const char *b) { return strcmp(a, b) == 0; }

static int end(long result) {
  puts(result >= 0 ? "done" : strerrorname_np(errno));
  return 0;
}

static struct msghdr message(void *address, socklen_t length) {
  static struct iovec word = {.iov_base = "hello", .iov_len = 5};
  struct msghdr made = {.msg_name = address, .msg_namelen = length, .msg_iov = &word, .msg_iovlen = 1};
  return made;
}

static int of_unix(const char *path) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  strncpy(to.sun_path, path, sizeof to.sun_path - 1);
  socklen_t length = sizeof to;
  if (path[0] == '@') {
    to.sun_path[0] = 0;
    length = offsetof(struct sockaddr_un, sun_path) + strlen(path);
  }
  return end(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&to, length));
}

static int other(const char *call) {
  int tcp = socket(AF_INET, SOCK_STREAM, 0);
  if (is(call, "io_uring")) return end(syscall(425, 1, calloc(1, 256)));
  if (is(call, "packet")) return end(socket(17, SOCK_RAW, 0));
  if (is(call, "vsock")) {
    struct { unsigned short family, zero; unsigned port, cid, flags; } to = {40, 0, 1234, 1, 0};
    int made = socket(40, SOCK_STREAM, 0);
    return made < 0 ? end(-1) : end(connect(made, (void *)&to, sizeof to));
  }
  if (is(call, "unspec")) {
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    return end(connect(socket(AF_INET, SOCK_DGRAM, 0), &none, sizeof none));
  }
  if (is(call, "netlink")) {
    struct sockaddr_nl to = {.nl_family = AF_NETLINK};
    struct { struct nlmsghdr head; } ask = {{.nlmsg_len = sizeof ask, .nlmsg_type = NLMSG_NOOP}};
    return end(sendto(socket(AF_NETLINK, SOCK_RAW, 0), &ask, sizeof ask, 0, (void *)&to, sizeof to));
  }
  if (is(call, "socketpair")) {
    int pair[2];
    struct msghdr plain = message(NULL, 0);
    return socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) ? end(-1) : end(sendmsg(pair[0], &plain, 0));
  }
  if (is(call, "unix_nobody")) return of_unix("/nowhere/at/all.sock");
  if (is(call, "short")) return end(connect(tcp, (void *)&four, 4));
  if (is(call, "null")) return end(connect(tcp, NULL, 16));
  if (is(call, "bad_pointer")) return end(connect(tcp, (void *)0x10, 16));
  return 2;
}

int main(int count, char **words) {
  const char *call = words[1];
  if (count != 4) return 2;
  if (is(call, "unix")) return of_unix(words[2]);
  four.sin_family = AF_INET;
  four.sin_port = htons(atoi(words[3]));
  inet_pton(AF_INET, words[2], &four.sin_addr);
  six.sin6_family = AF_INET6;
  six.sin6_port = four.sin_port;
  six.sin6_addr.s6_addr[10] = six.sin6_addr.s6_addr[11] = 0xff;
  memcpy(six.sin6_addr.s6_addr + 12, &four.sin_addr, 4);
  int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
  struct msghdr to = message(&four, sizeof four), plain = message(NULL, 0);
  if (is(call, "connect")) return end(connect(tcp, (void *)&four, sizeof four));
  if (is(call, "connect_udp")) return end(connect(udp, (void *)&four, sizeof four));
  if (is(call, "sendto")) return end(sendto(udp, "hello", 5, 0, (void *)&four, sizeof four));
  if (is(call, "sendmsg")) return end(sendmsg(udp, &to, 0));
  if (is(call, "sendmmsg")) return end(sendmmsg(udp, (struct mmsghdr[]){{to, 0}}, 1, 0));
  if (is(call, "sendmmsg_second")) {
    /* the first message goes to the socket's own peer, which is allowed */
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t length = sizeof here;
    inet_pton(AF_INET, "127.0.0.1", &here.sin_addr);
    bind(udp, (void *)&here, sizeof here);
    getsockname(udp, (void *)&here, &length);
    struct msghdr first = message(&here, sizeof here);
    return end(sendmmsg(udp, (struct mmsghdr[]){{first, 0}, {to, 0}}, 2, 0));
  }
  if (is(call, "fastopen")) return end(sendto(tcp, "hello", 5, MSG_FASTOPEN, (void *)&four, sizeof four));
  if (is(call, "mapped")) return end(connect(socket(AF_INET6, SOCK_STREAM, 0), (void *)&six, sizeof six));
  if (is(call, "mapped_udp")) return end(sendto(socket(AF_INET6, SOCK_DGRAM, 0), "hello", 5, 0, (void *)&six, sizeof six));
  (void)plain;
  return other(call);
}
