# SPDX-License-Identifier: MIT
# What the scripts of this folder share. Sourced with $root set to the top of the tree.

# The release build. Other builds of the tests stand beside it: build-clang, build-arm64, ...
build=${GOSPY_BUILD:-$root/build}

# What each purpose needs, by the names of Debian and Ubuntu.
build_packages='gcc libc6-dev meson ninja-build pkg-config libelf-dev libdw-dev libzydis-dev
zlib1g-dev libzstd-dev libprotobuf-c-dev protobuf-c-compiler libcmocka-dev'
# Any Go toolchain will do for these: see install_packages.
demo_packages='golang-go'
# clang: sanitizers and fuzzers. aarch64, qemu: the build for arm64 and its unit tests. strace, mount,
# util-linux: to make processes that may not be looked at. mandoc: the manual page.
test_packages='ca-certificates python3 binutils clang libclang-rt-dev llvm gcc-aarch64-linux-gnu
libc6-dev-arm64-cross qemu-user mandoc gdb strace util-linux mount procps time'

say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "$(basename "$0"): $*"
	exit 1
}

# as_root COMMAND...: runs it as root, through sudo where need be.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		die "must be root, or have sudo, to install packages: $*"
	fi
}

has() {
	command -v "$1" >/dev/null 2>&1
}

is_installed() {
	dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed$'
}

# missing_packages NAME...: those that are not installed.
missing_packages() {
	for package in "$@"; do
		if is_installed "$package" || { [ "$package" = golang-go ] && has go; }; then
			continue
		fi
		printf '%s ' "$package"
	done
}

# install_packages PURPOSE NAME...: installs what is missing, saying what and what for.
install_packages() {
	what_for=$1
	shift
	wanted=$(missing_packages "$@")
	[ -n "$wanted" ] || return 0
	say "Installing with apt-get, $what_for: $wanted"
	if [ -z "${lists_are_new:-}" ]; then
		as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 ||
			die "apt-get update failed"
		lists_are_new=1
	fi
	# shellcheck disable=SC2086
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends $wanted >&2 || die "apt-get install failed"
}

# other_system: names what to install where there is no apt-get.
other_system() {
	say "This system has no apt-get. Please install, under the names they have here:"
	say "  to build:     a C compiler, Meson 1.0, Ninja, pkg-config, and the development files of"
	say "                libelf and libdw (elfutils), Zydis 4, zlib, zstd, protobuf-c (with"
	say "                protoc-c) and cmocka"
	say "  for the demo: Go 1.13 or newer"
	say "  for tests:    Python 3, clang with its sanitizers, gcc for aarch64, qemu-user, strace"
	if has dnf; then
		say "With dnf: gcc meson ninja-build pkgconf elfutils-devel zydis-devel zlib-devel"
		say "  libzstd-devel protobuf-c-devel protobuf-c-compiler libcmocka-devel golang python3 clang"
	elif has pacman; then
		say "With pacman: gcc meson ninja pkgconf libelf zydis zlib zstd protobuf-c cmocka go"
		say "  python clang"
	elif has apk; then
		say "With apk: build-base meson pkgconf elfutils-dev zydis-dev zlib-dev zstd-dev"
		say "  protobuf-c-dev protobuf-c-compiler cmocka-dev go python3 clang"
	fi
	say "Then run this again with GOSPY_NO_INSTALL=1."
}
