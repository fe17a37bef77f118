# spoolsweep. "make deps demo" on a fresh Debian machine shows the main job, "make deps check" runs the tests.

VERSION = 0.1.0
PREFIX  = /usr/local
DESTDIR =
B       = build
comma   = ,

# What another system has otherwise; Makefile.win says so.
SYS     = spool/sys_posix spool/sys_posix_host spool/sys_posix_service
SYSPKGS = nettle
SYSLIBS = -lpthread
START   =
TESTSYS = tests/fault_sys tests/fault_serve
UNITSYS =
UNITFLAGS =
MKSYS   = tests/mkspool_sys
X       =
T       = .t
PKGCONF = pkg-config

PKGS    = sqlite3 libpcre2-8 libutf8proc libarchive libzstd libidn2 libmagic libpsl libcares $(SYSPKGS)
CC      = gcc
WARN    = -Wall -Wextra -Wshadow -Wconversion
OPT     = -O2 -g
HARDEN  = -fPIE -fstack-protector-strong -fcf-protection -D_FORTIFY_SOURCE=2 -Wformat -Wformat-security
CFLAGS  = -std=c11 $(OPT) $(WARN) $(HARDEN)
CPPFLAGS = -D_GNU_SOURCE -DSPOOLSWEEP_VERSION='"$(VERSION)"' -I. $(shell $(PKGCONF) --cflags $(PKGS))
LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LDLIBS  = $(shell $(PKGCONF) --libs $(PKGS)) $(SYSLIBS) -lm

SHARED  = $(filter-out spool/sys_posix% cmd/main.c,$(wildcard spool/*.c index/*.c cmd/*.c))
LIB     = $(SHARED:%.c=$(B)/%.o) $(SYS:%=$(B)/%.o)
BEGIN   = $(START:%=$(B)/%.o)
MKSPOOL = $(filter-out tests/mkspool_sys.c,$(wildcard tests/mkspool*.c)) $(MKSYS:%=%.c)
UNIT    = $(patsubst tests/unit/test_%.c,$(B)/unit/%$(T),$(wildcard tests/unit/test_*.c))
FUZZ  = $(patsubst tests/fuzz/fuzz_%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
DEBARCH = $(shell dpkg --print-architecture)

all: $(B)/spoolsweep$(X)

$(B)/spoolsweep$(X): $(B)/cmd/main.o $(LIB) $(BEGIN)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The table of blocklists, compiled in.
$(B)/index/blocklists.o: $(B)/index/blocklists.inc
$(B)/index/blocklists.o: CPPFLAGS += -I$(B)
$(B)/index/blocklists.inc: index/blocklists.tsv index/blocklists.awk
	@mkdir -p $(@D)
	LC_ALL=C awk -f index/blocklists.awk $< >$@.new && mv $@.new $@

# And that of link shorteners.
$(B)/index/shorteners.o: $(B)/index/shorteners.inc
$(B)/index/shorteners.o: CPPFLAGS += -I$(B)
$(B)/index/shorteners.inc: index/shorteners.tsv
	@mkdir -p $(@D)
	LC_ALL=C awk -F'\t' '/^[a-z0-9.-]+\t/ { printf "\t\"%s\",\n", $$1 }' $< >$@.new && mv $@.new $@

$(B)/unit/%$(T): tests/unit/test_%.c $(LIB) $(UNITSYS:%=$(B)/%.o) $(BEGIN)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(UNITFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $(filter %.c %.o,$^) $(LDLIBS) -lcmocka

# What windows/ decides without Windows is tested everywhere.
$(B)/unit/win$(T): $(patsubst %,$(B)/windows/sys_win_%.o,path errno zones rule charset gb18030 event)

$(B)/mkspool$(X): $(MKSPOOL) $(wildcard tests/mkspool*.h) $(BEGIN)
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -Itests $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c %.o,$^) $(SYSLIBS)

$(B)/spoolsweep-fault$(X): tests/fault.c $(B)/cmd/main.o $(filter-out $(B)/index/campaigns.o,$(LIB)) $(B)/tests/campaigns.o $(TESTSYS:%=$(B)/%.o) $(BEGIN)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(if $(filter %/fault_serve,$(TESTSYS)),-Wl$(comma)--wrap=main) \
		$$(sed -nE 's/^(WRAP_[A-Z]+\(|__wrap_)(sys_[a-z_]+|renameat2|linkat)[,( ].*/-Wl,--wrap=\2/p' $< $(TESTSYS:%=%.c)) -o $@ $^ $(LDLIBS)

# So few prints that a test meets the limit.
$(B)/tests/campaigns.o: index/campaigns.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -DPRINTS_MAX=256 -MMD -MP -c -o $@ $<

$(B)/bare: tests/bench/bare.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -std=c11 $(WARN) -O2 -o $@ $<

# All that is built for the tests.
tests: all $(UNIT) $(B)/mkspool$(X) $(B)/spoolsweep-fault$(X)

# What the build and the tests need, by apt; nothing is done when all is there.
deps:
	.ci/deps

check: tests
	SPOOLSWEEP=$(CURDIR)/$(B)/spoolsweep MKSPOOL=$(CURDIR)/$(B)/mkspool tests/prove $(UNIT) $(wildcard tests/t/*.t)

# Every point of the crash sweep, some 125,000; "make check" takes all kills and a sample of the failures. Then all kills and a sample again, with
# two threads at work on the three messages: the numbers of calls vary then, so an undo of a purge that was cut at one of them is left out.
SWEEP = SPOOLSWEEP=$(CURDIR)/$(B)/spoolsweep MKSPOOL=$(CURDIR)/$(B)/mkspool
sweep: all $(B)/mkspool $(B)/spoolsweep-fault
	$(SWEEP) SWEEP_EVERY=1 SWEEP_ROUNDS=10 prove -I tests/t --timer -v tests/t/2100-crash.t tests/t/2110-powerloss.t
	$(MAKE) B=$(B)/crew OPT="$(OPT) -DCREW_SMALL=2 -DCREW_SHARE=1" sweep-crew

sweep-crew: all $(B)/mkspool $(B)/spoolsweep-fault
	$(SWEEP) SWEEP_EVERY=30 SWEEP_ONLY='^(purge|hold|release|resume)' prove -I tests/t --timer -v tests/t/2100-crash.t

# The same tests with AddressSanitizer and UndefinedBehaviorSanitizer. A variable that nothing was put in has a pattern: never by luck a
# number that looks right.
asan:
	ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 $(MAKE) B=build/asan OPT="-O1 -g -fno-omit-frame-pointer \
		-fsanitize=address,undefined -fno-sanitize-recover=undefined -ftrivial-auto-var-init=pattern" HARDEN= LDFLAGS=-Wl,--as-needed check

# All fuzz targets: every seed, then equal shares of FUZZ_SECONDS (all together).
FUZZ_SECONDS = 120
fuzz: $(B)/mkspool
	$(MAKE) B=build/fuzzing CC=clang OPT="-O1 -g -fsanitize=address,undefined,fuzzer-no-link \
		-fno-sanitize-recover=undefined" HARDEN= LDFLAGS=-Wl,--as-needed fuzz-targets
	tests/fuzz/run $(FUZZ_SECONDS)
fuzz-targets: $(FUZZ)
$(B)/fuzz/%: tests/fuzz/fuzz_%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

bench: all $(B)/mkspool $(B)/bare
	tests/bench/bench

demo: all $(B)/mkspool
	tests/demo $(B)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 755 $(B)/spoolsweep $(DESTDIR)$(PREFIX)/bin/spoolsweep
	install -m 644 cmd/spoolsweep.1 $(DESTDIR)$(PREFIX)/share/man/man1/spoolsweep.1
	install -m 644 cmd/completions/spoolsweep.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/spoolsweep
	install -m 644 cmd/completions/_spoolsweep $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_spoolsweep
	install -m 644 cmd/completions/spoolsweep.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/spoolsweep.fish

# The units of the health check are placed, not enabled: "spoolsweep schedule --install" or systemctl does that.
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	$(B)/spoolsweep --index /var/lib/spoolsweep/index.db schedule -q --install --with systemd --program $(PREFIX)/bin/spoolsweep \
		--folder $(DESTDIR)$(PREFIX)/lib/systemd/system

# A .deb for servers without a compiler.
package: all
	.ci/package $(B) $(VERSION) $(DEBARCH)

clean:
	rm -rf $(B)/spoolsweep $(B)/spoolsweep-fault $(B)/mkspool $(B)/bare $(B)/spool $(B)/index $(B)/cmd $(B)/tests $(B)/unit build/asan build/fuzzing build/t

.PHONY: all tests deps check sweep sweep-crew asan fuzz fuzz-targets bench demo install package clean
-include $(wildcard $(B)/windows/*.d) $(LIB:.o=.d) $(BEGIN:.o=.d) $(TESTSYS:%=$(B)/%.d) $(B)/tests/campaigns.d $(UNITSYS:%=$(B)/%.d) $(B)/cmd/main.d $(wildcard $(B)/unit/*.d)
