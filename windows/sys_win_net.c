/* Sockets that c-ares makes: Winsock is begun once, and select waits. */
#include <winsock2.h>

#include <errno.h>

#include "spool/sys.h"

int
sys_net_begin(struct err *e)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
		return err_set(e, EIO, "the system's sockets cannot be used");
	return 0;
}

int
sys_net_wait(struct sys_socket *v, size_t n, int ms)
{
	struct timeval t = { ms / 1000, ms % 1000 * 1000 };
	fd_set in, out, failed;		/* failed: a connection that was refused is told there alone */
	size_t i;

	if (n > SYS_SOCKETS)
		return EINVAL;
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&failed);
	for (i = 0; i < n; i++) {
		v[i].can_read = v[i].can_write = 0;
		if (v[i].wants_read)
			FD_SET((SOCKET)v[i].s, &in);
		if (v[i].wants_write) {
			FD_SET((SOCKET)v[i].s, &out);
			FD_SET((SOCKET)v[i].s, &failed);
		}
	}
	if (n == 0) {	/* select refuses to wait for nothing */
		sys_sleep_ms((unsigned)ms);
		return 0;
	}
	if (select(0, &in, &out, &failed, &t) == SOCKET_ERROR)
		return EIO;
	for (i = 0; i < n; i++) {
		v[i].can_read = v[i].wants_read && FD_ISSET((SOCKET)v[i].s, &in);
		v[i].can_write = v[i].wants_write && (FD_ISSET((SOCKET)v[i].s, &out) || FD_ISSET((SOCKET)v[i].s, &failed));
	}
	return 0;
}
