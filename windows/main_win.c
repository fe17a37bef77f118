/*
 * Where every program of ours begins on Windows: the arguments as UTF-8, whatever the code page of the machine, and standard
 * streams of bytes. Then main() of the program itself. Linked with -municode.
 */
#include <windows.h>

#include <bcrypt.h>
#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>

int main(int argc, char **argv);
int wmain(int argc, wchar_t **wide);

#define OVERRUN 0xc0000409u	/* STATUS_STACK_BUFFER_OVERRUN */

/* What -fstack-protector needs. libssp has the same, but draws its guard from the old CryptoAPI, whose libraries would be a third of the
 * time that a start takes. A zero byte, a line's end and 0xff stay in it when there are no random bytes: no string goes past them. */
extern uintptr_t __stack_chk_guard;
extern void __stack_chk_fail(void);
extern void __chk_fail(void);
uintptr_t __stack_chk_guard = (uintptr_t)UINT64_C(0xff0d0a00);

/* Nothing of the process can be trusted: it ends here, without a handler. */
static _Noreturn void
end_now(const char *text, unsigned n)
{
	_write(2, text, n);
	for (;;)
		TerminateProcess(GetCurrentProcess(), OVERRUN);
}

void
__stack_chk_fail(void)
{
	static const char text[] = "*** stack smashing detected ***\n";

	end_now(text, sizeof text - 1);
}

void
__chk_fail(void)
{
	static const char text[] = "*** buffer overflow detected ***\n";

	end_now(text, sizeof text - 1);
}

/* An unpaired surrogate, which a file name may hold, becomes its three bytes, as sys_win.c spells names (WTF-8). */
static size_t
put_char(char *out, unsigned long c)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

	for (i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(n == 1 ? c : (0xff00UL >> n & 0xff) | c);
	return n;
}

static char *
bytes_of(const wchar_t *w)
{
	size_t i, n = 0, len = wcslen(w);
	char *out = malloc(3 * len + 1);
	unsigned long c;

	if (out == NULL)
		abort();
	for (i = 0; i < len; i++) {
		c = w[i];
		if (c >= 0xd800 && c < 0xdc00 && w[i + 1] >= 0xdc00 && w[i + 1] < 0xe000)
			c = 0x10000 + ((c - 0xd800) << 10) + (w[++i] - 0xdc00UL);
		n += put_char(out + n, c);
	}
	out[n] = '\0';
	return out;
}

static int
start(int argc, wchar_t **wide)
{
	char **argv = calloc((size_t)argc + 1, sizeof *argv);
	int i;

	if (argv == NULL)
		abort();
	for (i = 0; i < argc; i++)
		argv[i] = bytes_of(wide[i]);
	/* No dialog on a crash or an absent disk: nobody would see it, and a scheduled run would hang on it. */
	SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
	/* UCRT then takes the char names of the libraries as UTF-8; msvcrt knows no such locale, and stays as it is. */
	setlocale(LC_CTYPE, ".UTF8");
	_setmode(0, _O_BINARY);
	_setmode(1, _O_BINARY);
	_setmode(2, _O_BINARY);
	return main(argc, argv);	/* the arguments live as long as the process */
}

/* It does not return: the guard that is made here is not the one of its own beginning. */
int
wmain(int argc, wchar_t **wide)
{
	uintptr_t was = __stack_chk_guard;

	if (BCryptGenRandom(NULL, (unsigned char *)&__stack_chk_guard, sizeof __stack_chk_guard, BCRYPT_USE_SYSTEM_PREFERRED_RNG) < 0)
		__stack_chk_guard = was;
	exit(start(argc, wide));
}
