/* Who may do what with a folder: the Windows meaning of owner and mode 0700. See win.h. */
#include "windows/win.h"

#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/arena.h"

/* Bits of an entry that let somebody see what is in a folder, or change it. */
#define SEES (FILE_LIST_DIRECTORY | FILE_READ_EA | GENERIC_READ | GENERIC_ALL)
#define CHANGES (FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY | FILE_DELETE_CHILD | DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL)

/* The account of this process, malloc'd. */
static TOKEN_USER *
who_runs(void)
{
	TOKEN_USER *user = NULL;
	HANDLE token;
	DWORD n = 0;

	if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
		return NULL;
	GetTokenInformation(token, TokenUser, NULL, 0, &n);
	user = mem_new(n != 0 ? n : 1);
	if (n == 0 || !GetTokenInformation(token, TokenUser, user, n, &n)) {
		free(user);
		user = NULL;
	}
	CloseHandle(token);
	return user;
}

void *
win_private(void)
{
	TOKEN_USER *user = who_runs();
	PSECURITY_DESCRIPTOR sd = NULL;
	char *sid = NULL, text[400];

	if (user != NULL && ConvertSidToStringSidA(user->User.Sid, &sid)) {
		snprintf(text, sizeof text, "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;%s)", sid);
		if (!ConvertStringSecurityDescriptorToSecurityDescriptorA(text, SDDL_REVISION_1, &sd, NULL))
			sd = NULL;
	}
	LocalFree(sid);
	free(user);
	return sd;
}

/* The administrators can reach everything anyway; entries for the creator and the owner mean whoever owns the thing. */
static int
is_trusted(PSID sid, const TOKEN_USER *user)
{
	static const WELL_KNOWN_SID_TYPE known[] = {
		WinLocalSystemSid, WinBuiltinAdministratorsSid, WinCreatorOwnerSid, WinCreatorOwnerRightsSid
	};
	size_t i;

	for (i = 0; i < sizeof known / sizeof known[0]; i++)
		if (IsWellKnownSid(sid, known[i]))
			return 1;
	return user != NULL && EqualSid(sid, user->User.Sid);
}

static int
is_owner_trusted(PSID sid, const TOKEN_USER *user)
{
	return IsWellKnownSid(sid, WinLocalSystemSid) || IsWellKnownSid(sid, WinBuiltinAdministratorsSid) ||
	    (user != NULL && EqualSid(sid, user->User.Sid));
}

/* What the list gives to anyone else, as the lower bits of a mode. Denials are not counted: they only take away. */
static uint32_t
others(ACL *dacl, const TOKEN_USER *user)
{
	const ACCESS_ALLOWED_ACE *ace;
	uint32_t mode = 0;
	void *p;
	DWORD i;

	if (dacl == NULL)	/* no list: everything for everyone */
		return 077;
	for (i = 0; GetAce(dacl, i, &p); i++) {
		ace = p;
		if (ace->Header.AceType != ACCESS_ALLOWED_ACE_TYPE || is_trusted((PSID)(uintptr_t)&ace->SidStart, user))
			continue;
		mode |= (ace->Mask & SEES) != 0 ? 055 : 0;
		mode |= (ace->Mask & CHANGES) != 0 ? 022 : 0;
	}
	return mode;
}

void
win_dir_rights(struct sys_stat *st, HANDLE h)
{
	PSECURITY_DESCRIPTOR sd = NULL;
	TOKEN_USER *user = who_runs();
	PSID owner = NULL;
	ACL *dacl = NULL;

	st->uid = 1;
	st->mode = 0777;
	if (GetSecurityInfo(h, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner, NULL, &dacl, NULL, &sd) ==
	    ERROR_SUCCESS && owner != NULL) {
		st->uid = !is_owner_trusted(owner, user);
		st->mode = 0700 | others(dacl, user);
	}
	LocalFree(sd);
	free(user);
}

/* ---- inheriting ---- */

static ACCESS_MASK
of_files(ACCESS_MASK m)
{
	GENERIC_MAPPING map = { FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS };

	MapGenericMask(&m, &map);
	return m;
}

/* What a folder's list gives to a file: its entries for objects, each marked as inherited; "the creator" is who owns the file. 0, or -1. */
static int
list_for_file(ACL *out, ACL *from, PSID owner)
{
	const ACCESS_ALLOWED_ACE *ace;
	PSID sid;
	void *p;
	DWORD i;
	int ok = 1;

	for (i = 0; ok && GetAce(from, i, &p); i++) {
		ace = p;
		if ((ace->Header.AceFlags & OBJECT_INHERIT_ACE) == 0)
			continue;
		sid = (PSID)(uintptr_t)&ace->SidStart;
		if (IsWellKnownSid(sid, WinCreatorOwnerSid))
			sid = owner;
		if (ace->Header.AceType == ACCESS_ALLOWED_ACE_TYPE)
			ok = AddAccessAllowedAceEx(out, ACL_REVISION, INHERITED_ACE, of_files(ace->Mask), sid);
		else if (ace->Header.AceType == ACCESS_DENIED_ACE_TYPE)
			ok = AddAccessDeniedAceEx(out, ACL_REVISION, INHERITED_ACE, of_files(ace->Mask), sid);
	}
	return ok ? 0 : -1;
}

static int
set_list(HANDLE file, ACL *list)
{
	SECURITY_DESCRIPTOR sd;

	if (!InitializeSecurityDescriptor(&sd, SECURITY_DESCRIPTOR_REVISION) || !SetSecurityDescriptorDacl(&sd, TRUE, list, FALSE) ||
	    !SetSecurityDescriptorControl(&sd, SE_DACL_AUTO_INHERITED | SE_DACL_AUTO_INHERIT_REQ,
	    SE_DACL_AUTO_INHERITED | SE_DACL_AUTO_INHERIT_REQ))
		return win_last();
	/* not SetSecurityInfo: it would ask the folder where the file is now */
	return SetKernelObjectSecurity(file, DACL_SECURITY_INFORMATION, &sd) ? 0 : win_last();
}

int
win_inherit(HANDLE file, HANDLE dir)
{
	PSECURITY_DESCRIPTOR theirs = NULL, ours = NULL;
	PSID owner = NULL;
	ACL *from = NULL, *list = NULL;
	DWORD n, rc = GetSecurityInfo(dir, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, &from, NULL, &theirs);
	int code;

	if (rc == ERROR_SUCCESS)
		rc = GetSecurityInfo(file, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL, &ours);
	code = win_errno(rc);
	if (code == 0 && from != NULL) {
		n = from->AclSize + (DWORD)SECURITY_MAX_SID_SIZE * from->AceCount;	/* the creator's SID is the shortest */
		list = mem_new(n);
		if (!InitializeAcl(list, n, ACL_REVISION) || list_for_file(list, from, owner) < 0)
			code = win_last();
		else if (list->AceCount != 0)	/* a folder that gives nothing on: the file stays ours */
			code = set_list(file, list);
	}
	free(list);
	LocalFree(theirs);
	LocalFree(ours);
	return code;
}
