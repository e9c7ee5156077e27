"""Words that a name from outside must not become in C."""

from __future__ import annotations

import re

KEYWORDS = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    asm typeof alignas alignof bool true false nullptr constexpr static_assert thread_local NULL EOF errno assert
    INFINITY NAN HUGE_VAL I complex imaginary main stdin stdout stderr offsetof va_list va_arg size_t ptrdiff_t
    class namespace template this new delete private public protected virtual operator export friend using try
    catch throw typename mutable explicit xor and or not bitand bitor compl near far interrupt linux unix
    and_eq char16_t char32_t char8_t co_await co_return co_yield concept const_cast consteval constinit decltype
    dynamic_cast noexcept not_eq or_eq reinterpret_cast requires static_cast typeid typeof_unqual wchar_t xor_eq
    i386 BUFSIZ RAND_MAX EDOM EILSEQ ERANGE CLOCKS_PER_SEC TIME_UTC""".split()
)
"""Words that are no name in C or C++, or a macro of a standard header or of a compiler."""

_MACRO_LIKE = re.compile(r"U?INT(MAX|PTR|\d|_)|U?(CHAR|SHRT|LONG|LLONG)_|M_|DM_|SIZE_|L?DBL_|FLT_|SIG|EXIT_|FE_|FP_|_")
_TYPE_LIKE = re.compile(r"u?int\w*_t$")


def is_macro_like(name: str) -> bool:
    """Whether a name begins as macros of the standard headers, of the runtime and of compilers do."""
    return _MACRO_LIKE.match(name) is not None


def is_reserved(name: str) -> bool:
    """Whether a local may not be called that."""
    return name in KEYWORDS or is_macro_like(name) or _TYPE_LIKE.match(name) is not None


HEADERS = frozenset(
    """aio aliases alloca ansidecl ar argp argz arm_acle arm_cde arm_cmse arm_fp16 arm_mve arm_neon arm_sve assert
    byteswap complex conio cpio crypt cstdint ctype curses dirent direct dlfcn dos elf endian envz err errno error
    execinfo fastmath fcntl features fenv float fmtmsg fnmatch fstab fts ftw gconv getopt glob grp gshadow iconv ieeefp
    ifaddrs immintrin intrin inttypes io iso646 langinfo lastlog libgen libintl limits link locale machine magic
    malloc math mcheck memory mm_malloc mntent monetary mqueue netdb newlib nl_types nss obstack omp paths poll printf
    proc_service process pthread pty pwd quadmath re_comp reent regdef regex regexp resolv riscv_vector sched search
    semaphore setjmp sgtty shadow signal spawn stab stdalign stdarg stdatomic stdbit stdbool stdckdint stddef
    stdc-predef stdint stdio stdio_ext stdlib stdnoreturn string strings syscall sysexits syslog tar term termcap termio
    termios tgmath thread_db threads time ttyent uchar ucontext ulimit unctrl unistd unwind utime utmp utmpx values
    varargs wait wchar wctype windows winsock2 wordexp x86intrin xlocale""".split()
)
"""Headers of C libraries and compilers, without `.h`: a file of that name in the include path would hide them."""

DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
"""Names that no file can have on Windows, whatever its extension."""
