# shellcheck shell=sh
# Shared by the scripts of the test machine: places, locking, and Debian packages from any suite.
# Source it with `top` set to the top of the source tree.

CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/sipsec"
mkdir -p "$CACHE"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		command -v sudo >/dev/null || die "run this as root (sudo is not installed)"
		sudo "$@"
	fi
}

# locked NAME COMMAND...: one at a time per NAME. The lock goes with the process, so a killed
# run leaves nothing behind.
locked() (
	exec 9>"$CACHE/$1.lock"
	flock -n 9 || { say "waiting for another run that prepares $1"; flock 9; }
	shift
	"$@"
)

# The host's own package lists, not older than a day.
host_lists() {
	[ -n "$(find /var/lib/apt/lists -name '*_Packages*' -mtime -1 | head -n 1)" ] ||
		as_root apt-get -qq update
}

# The mirror of the Debian archive that this machine uses, whatever the notation of its sources.
# Other suites are fetched from the same place.
mirror() {
	apt-get indextargets --format '$(REPO_URI) $(LABEL)|$(COMPONENT)|$(CREATED_BY)' |
		sed -n 's/ Debian|main|Packages$//p' | head -n 1
}

# suite_apt SUITE TOOL ARGS...: apt-get or apt-cache that knows only SUITE, with private lists.
# SUITE may name an architecture (bookworm:s390x), whose packages are then meant; NAME:amd64 has
# what is to run on this machine.
suite_apt() {
	_suite=$1 _tool=$2 _dir="$CACHE/apt/$1"
	shift 2
	case $_suite in
	*:*)	set -- -o APT::Architecture="${_suite#*:}" \
			-o APT::Architectures="${_suite#*:},amd64" "$@" ;;
	esac
	"$_tool" -o Dir::Etc::SourceList="$_dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State="$_dir" -o Dir::State::Lists="$_dir/lists" \
		-o Dir::State::Status=/dev/null -o Dir::Cache="$_dir/cache" \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
		-o Acquire::Languages=none -o APT::Sandbox::User=root \
		-o APT::Update::Post-Invoke-Success::= "$@"
}

# suite_update SUITE: bring the private lists of SUITE up to date.
suite_update() {
	mkdir -p "$CACHE/apt/$1/lists/partial" "$CACHE/apt/$1/cache/archives/partial"
	_uri=$(mirror)
	[ -n "$_uri" ] || { host_lists; _uri=$(mirror); }
	[ -n "$_uri" ] || die "no Debian archive among this machine's package sources"
	_key=/usr/share/keyrings/debian-archive-keyring.gpg
	_archs=amd64
	case $1 in
	*:*)	_archs=${1#*:},amd64 ;;
	esac
	echo "deb [arch=$_archs signed-by=$_key] $_uri ${1%:*} main" >"$CACHE/apt/$1/sources.list"
	# An old suite's Release file may be past its date; its signature still holds.
	suite_apt "$1" apt-get -qq -o Acquire::Check-Valid-Until=false update
}

# suite_depends SUITE PACKAGE PATTERN: the dependency of a meta package whose name matches.
suite_depends() {
	suite_apt "$1" apt-cache depends "$2" | awk -v p="$3" '$1 == "Depends:" && $2 ~ p {
		print $2; exit }'
}

# suite_closure SUITE PACKAGE...: the packages and all they depend on, as if none were installed.
suite_closure() {
	_from=$1
	shift
	suite_apt "$_from" apt-get install -s --no-install-recommends "$@" |
		awk '$1 == "Inst" { print $2 }'
}

# manifest_of DIR: name, version and checksum of each package file in DIR. apt-get has compared
# the checksums with the signed lists.
manifest_of() {
	for deb in "$1"/*.deb; do
		printf '%s %s\n' "$(dpkg-deb -W --showformat='${Package} ${Version}' "$deb")" \
			"$(sha256sum <"$deb" | cut -d' ' -f1)"
	done
}

# unpack_from SUITE NAME PACKAGE...: download the packages and unpack them into $CACHE/NAME, which
# appears only when it is complete. SUITE `host` means the machine's own package sources.
# A function `finish` of the caller, if any, completes the folder before that (argument: folder).
unpack_from() (
	from=$1 name=$2 tmp=$(mktemp -d "$CACHE/tmp.XXXXXX")
	shift 2
	trap 'rm -rf "$tmp"' EXIT
	trap 'exit 1' INT TERM
	mkdir "$tmp/debs" "$tmp/root"
	cd "$tmp/debs" || exit
	if [ "$from" = host ]; then
		apt-get -qq -o APT::Sandbox::User=root download "$@"
	else
		suite_apt "$from" apt-get -qq download "$@"
	fi
	for deb in *.deb; do
		dpkg-deb -x "$deb" ../root
	done
	cd "$tmp/root" || exit
	chmod 755 .
	if command -v finish >/dev/null; then finish "$CACHE/$name"; fi
	manifest_of ../debs >MANIFEST
	mkdir -p "$(dirname "$CACHE/$name")"
	rm -rf "${CACHE:?}/$name"
	mv "$tmp/root" "$CACHE/$name"
)
