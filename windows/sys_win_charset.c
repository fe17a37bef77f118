/*
 * Names of charsets as mail writes them, and how Windows converts each. The aliases are those of IANA's registry that are met in mail, and the
 * names of Outlook and of old Unix mailers. What Windows has no table for, or converts in a way of its own, is done by us.
 */
#include "windows/win_pure.h"

#include <string.h>

/* ISO-8859-10, -14 and -16, A0-FF: not among the code pages of Windows. */
static const uint16_t iso_10[96] = {
	0x00a0, 0x0104, 0x0112, 0x0122, 0x012a, 0x0128, 0x0136, 0x00a7, 0x013b, 0x0110, 0x0160, 0x0166, 0x017d, 0x00ad, 0x016a, 0x014a,
	0x00b0, 0x0105, 0x0113, 0x0123, 0x012b, 0x0129, 0x0137, 0x00b7, 0x013c, 0x0111, 0x0161, 0x0167, 0x017e, 0x2015, 0x016b, 0x014b,
	0x0100, 0x00c1, 0x00c2, 0x00c3, 0x00c4, 0x00c5, 0x00c6, 0x012e, 0x010c, 0x00c9, 0x0118, 0x00cb, 0x0116, 0x00cd, 0x00ce, 0x00cf,
	0x00d0, 0x0145, 0x014c, 0x00d3, 0x00d4, 0x00d5, 0x00d6, 0x0168, 0x00d8, 0x0172, 0x00da, 0x00db, 0x00dc, 0x00dd, 0x00de, 0x00df,
	0x0101, 0x00e1, 0x00e2, 0x00e3, 0x00e4, 0x00e5, 0x00e6, 0x012f, 0x010d, 0x00e9, 0x0119, 0x00eb, 0x0117, 0x00ed, 0x00ee, 0x00ef,
	0x00f0, 0x0146, 0x014d, 0x00f3, 0x00f4, 0x00f5, 0x00f6, 0x0169, 0x00f8, 0x0173, 0x00fa, 0x00fb, 0x00fc, 0x00fd, 0x00fe, 0x0138,
};

static const uint16_t iso_14[96] = {
	0x00a0, 0x1e02, 0x1e03, 0x00a3, 0x010a, 0x010b, 0x1e0a, 0x00a7, 0x1e80, 0x00a9, 0x1e82, 0x1e0b, 0x1ef2, 0x00ad, 0x00ae, 0x0178,
	0x1e1e, 0x1e1f, 0x0120, 0x0121, 0x1e40, 0x1e41, 0x00b6, 0x1e56, 0x1e81, 0x1e57, 0x1e83, 0x1e60, 0x1ef3, 0x1e84, 0x1e85, 0x1e61,
	0x00c0, 0x00c1, 0x00c2, 0x00c3, 0x00c4, 0x00c5, 0x00c6, 0x00c7, 0x00c8, 0x00c9, 0x00ca, 0x00cb, 0x00cc, 0x00cd, 0x00ce, 0x00cf,
	0x0174, 0x00d1, 0x00d2, 0x00d3, 0x00d4, 0x00d5, 0x00d6, 0x1e6a, 0x00d8, 0x00d9, 0x00da, 0x00db, 0x00dc, 0x00dd, 0x0176, 0x00df,
	0x00e0, 0x00e1, 0x00e2, 0x00e3, 0x00e4, 0x00e5, 0x00e6, 0x00e7, 0x00e8, 0x00e9, 0x00ea, 0x00eb, 0x00ec, 0x00ed, 0x00ee, 0x00ef,
	0x0175, 0x00f1, 0x00f2, 0x00f3, 0x00f4, 0x00f5, 0x00f6, 0x1e6b, 0x00f8, 0x00f9, 0x00fa, 0x00fb, 0x00fc, 0x00fd, 0x0177, 0x00ff,
};

static const uint16_t iso_16[96] = {
	0x00a0, 0x0104, 0x0105, 0x0141, 0x20ac, 0x201e, 0x0160, 0x00a7, 0x0161, 0x00a9, 0x0218, 0x00ab, 0x0179, 0x00ad, 0x017a, 0x017b,
	0x00b0, 0x00b1, 0x010c, 0x0142, 0x017d, 0x201d, 0x00b6, 0x00b7, 0x017e, 0x010d, 0x0219, 0x00bb, 0x0152, 0x0153, 0x0178, 0x017c,
	0x00c0, 0x00c1, 0x00c2, 0x0102, 0x00c4, 0x0106, 0x00c6, 0x00c7, 0x00c8, 0x00c9, 0x00ca, 0x00cb, 0x00cc, 0x00cd, 0x00ce, 0x00cf,
	0x0110, 0x0143, 0x00d2, 0x00d3, 0x00d4, 0x0150, 0x00d6, 0x015a, 0x0170, 0x00d9, 0x00da, 0x00db, 0x00dc, 0x0118, 0x021a, 0x00df,
	0x00e0, 0x00e1, 0x00e2, 0x0103, 0x00e4, 0x0107, 0x00e6, 0x00e7, 0x00e8, 0x00e9, 0x00ea, 0x00eb, 0x00ec, 0x00ed, 0x00ee, 0x00ef,
	0x0111, 0x0144, 0x00f2, 0x00f3, 0x00f4, 0x0151, 0x00f6, 0x015b, 0x0171, 0x00f9, 0x00fa, 0x00fb, 0x00fc, 0x0119, 0x021b, 0x00ff,
};

static const struct {
	const char *names;	/* separated by spaces, lower case, without '-', '_', '.' and ':' */
	enum win_how how;
	unsigned code_page;
	int has_c1;
	const uint16_t *own;
} charsets[] = {
	{ "utf8 unicode11utf8", WIN_UTF8, 65001, 1, NULL },
	{ "usascii ascii ansix341968 iso646us us 646 cp367 ansix34 isoir6", WIN_ASCII, 0, 0, NULL },
	{ "iso88591 latin1 l1 isoir100 cp819 ibm819 88591 iso885911987", WIN_TABLE, 28591, 1, NULL },
	{ "iso88592 latin2 l2 isoir101 iso885921987", WIN_TABLE, 28592, 1, NULL },
	{ "iso88593 latin3 l3 isoir109 iso885931988", WIN_TABLE, 28593, 1, NULL },
	{ "iso88594 latin4 l4 isoir110 iso885941988", WIN_TABLE, 28594, 1, NULL },
	{ "iso88595 cyrillic isoir144 iso885951988", WIN_TABLE, 28595, 1, NULL },
	{ "iso88596 arabic isoir127 iso885961987 asmo708 ecma114 iso88596e iso88596i", WIN_TABLE, 28596, 1, NULL },
	{ "iso88597 greek greek8 isoir126 iso885971987 ecma118 elot928", WIN_TABLE, 28597, 1, NULL },
	{ "iso88598 hebrew isoir138 iso885981988 iso88598e iso88598i", WIN_TABLE, 28598, 1, NULL },
	{ "iso88599 latin5 l5 isoir148 iso885991989", WIN_TABLE, 28599, 1, NULL },
	{ "iso885910 latin6 l6 isoir157 iso8859101992", WIN_OWN, 0, 1, iso_10 },
	{ "iso885911", WIN_TABLE, 874, 1, NULL },
	{ "iso885913 latin7 l7", WIN_TABLE, 28603, 1, NULL },
	{ "iso885914 latin8 l8 isoceltic isoir199", WIN_OWN, 0, 1, iso_14 },
	{ "iso885915 latin9 iso885915latin9", WIN_TABLE, 28605, 1, NULL },
	{ "iso885916 latin10 l10 isoir226", WIN_OWN, 0, 1, iso_16 },
	{ "windows1250 cp1250 mscpee", WIN_TABLE, 1250, 0, NULL },
	{ "windows1251 cp1251 mscyrl", WIN_TABLE, 1251, 0, NULL },
	{ "windows1252 cp1252 msansi", WIN_TABLE, 1252, 0, NULL },
	{ "windows1253 cp1253 msgreek", WIN_TABLE, 1253, 0, NULL },
	{ "windows1254 cp1254 msturk", WIN_TABLE, 1254, 0, NULL },
	{ "windows1255 cp1255 mshebr", WIN_TABLE, 1255, 0, NULL },
	{ "windows1256 cp1256 msarab", WIN_TABLE, 1256, 0, NULL },
	{ "windows1257 cp1257 winbaltrim", WIN_TABLE, 1257, 0, NULL },
	{ "windows1258 cp1258", WIN_TABLE, 1258, 0, NULL },
	{ "windows874 cp874 ms874 tis620 tis6200", WIN_TABLE, 874, 0, NULL },
	{ "koi8r cskoi8r", WIN_TABLE, 20866, 1, NULL },
	{ "koi8u", WIN_TABLE, 21866, 1, NULL },
	{ "ibm437 cp437 437", WIN_TABLE, 437, 1, NULL },
	{ "ibm737 cp737", WIN_TABLE, 737, 1, NULL },
	{ "ibm775 cp775", WIN_TABLE, 775, 1, NULL },
	{ "ibm850 cp850 850", WIN_TABLE, 850, 1, NULL },
	{ "ibm852 cp852 852", WIN_TABLE, 852, 1, NULL },
	{ "ibm855 cp855 855", WIN_TABLE, 855, 1, NULL },
	{ "ibm857 cp857 857", WIN_TABLE, 857, 1, NULL },
	{ "ibm858 cp858 ibm00858", WIN_TABLE, 858, 1, NULL },
	{ "ibm860 cp860 860", WIN_TABLE, 860, 1, NULL },
	{ "ibm861 cp861 861 cpis", WIN_TABLE, 861, 1, NULL },
	{ "ibm862 cp862 862 dos862", WIN_TABLE, 862, 1, NULL },
	{ "ibm863 cp863 863", WIN_TABLE, 863, 1, NULL },
	{ "ibm864 cp864", WIN_TABLE, 864, 1, NULL },
	{ "ibm865 cp865 865", WIN_TABLE, 865, 1, NULL },
	{ "ibm866 cp866 866", WIN_TABLE, 866, 1, NULL },
	{ "ibm869 cp869 869 cpgr", WIN_TABLE, 869, 1, NULL },
	{ "macintosh mac macroman", WIN_TABLE, 10000, 1, NULL },
	{ "maccyrillic xmaccyrillic", WIN_TABLE, 10007, 1, NULL },
	{ "gb2312 gbk cp936 ms936 windows936 euccn chinese isoir58 gb231280 csgb2312", WIN_TABLE, 936, 0, NULL },
	{ "gb18030", WIN_GB18030, 54936, 0, NULL },
	{ "big5 cp950 big5hkscs cnbig5 csbig5 big5eten", WIN_TABLE, 950, 0, NULL },
	{ "shiftjis sjis mskanji csshiftjis windows31j cswindows31j cp932 ms932 xsjis", WIN_TABLE, 932, 0, NULL },
	{ "eucjp ujis eucjpms extendedunixcodepackedformatforjapanese", WIN_TABLE, 20932, 1, NULL },
	{ "iso2022jp iso2022jp1 iso2022jp2 csiso2022jp iso2022jpms cp50220 cp50221", WIN_ISO_JP, 20932, 0, NULL },
	{ "euckr ksc56011987 ksc5601 cp949 uhc ms949 windows949 korean isoir149 ksc56011989 ksx1001 ksx10011992", WIN_TABLE, 949, 0, NULL },
	{ "johab cp1361", WIN_TABLE, 1361, 0, NULL },
	{ "iso2022kr csiso2022kr", WIN_ISO_KR, 949, 0, NULL },
	{ "hzgb2312 hz", WIN_HZ, 936, 0, NULL },
	{ "utf7 unicode11utf7", WIN_UTF7, 65000, 1, NULL },
	{ "utf16 unicode ucs2 iso10646ucs2 csunicode", WIN_UTF16, 0, 1, NULL },
	{ "utf16le ucs2le unicodelittle", WIN_UTF16, 0, 1, NULL },
	{ "utf16be ucs2be unicodebig", WIN_UTF16BE, 0, 1, NULL },
	{ "utf32 ucs4 iso10646ucs4", WIN_UTF32, 0, 1, NULL },
	{ "utf32le ucs4le", WIN_UTF32, 0, 1, NULL },
	{ "utf32be ucs4be", WIN_UTF32BE, 0, 1, NULL },
};

static int
is_listed(const char *list, const char *name, size_t n)
{
	for (; *list != '\0'; list += strcspn(list, " "), list += *list == ' ')
		if (strncmp(list, name, n) == 0 && (list[n] == ' ' || list[n] == '\0'))
			return n != 0;
	return 0;
}

int
win_charset(struct win_charset *out, const char *name)
{
	char plain[64];
	size_t n = 0, i;

	for (; *name != '\0'; name++) {
		if (strchr("-_.:", *name) != NULL)
			continue;
		if (n + 1 == sizeof plain || (unsigned char)*name <= ' ' || (unsigned char)*name >= 0x7f)
			return -1;
		plain[n++] = *name >= 'A' && *name <= 'Z' ? (char)(*name + 32) : *name;
	}
	plain[n] = '\0';
	for (i = 0; i < sizeof charsets / sizeof charsets[0]; i++) {
		if (!is_listed(charsets[i].names, plain, n))
			continue;
		out->how = charsets[i].how;
		out->code_page = charsets[i].code_page;
		out->has_c1 = charsets[i].has_c1;
		out->own = charsets[i].own;
		return 0;
	}
	return -1;
}
