# SPDX-License-Identifier: MIT
# What the scripts of this folder share. Sourced with $root set to the top of the tree.

# Names of the packages that building needs, and those that only testing needs, on Debian and Ubuntu.
build_packages='gcc libc6-dev meson ninja-build pkg-config libelf-dev libdw-dev libzydis-dev
zlib1g-dev libzstd-dev libxxhash-dev libprotobuf-c-dev protobuf-c-compiler libcmocka-dev'
demo_packages='golang-go'
test_packages='git ca-certificates golang-go python3 gcc clang libclang-rt-14-dev llvm binutils
gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user mandoc
gdb strace util-linux procps time'

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
		die "must be root, or have sudo, to install packages"
	fi
}

is_installed() {
	dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed$'
}

# missing_packages NAME...: those that are not installed.
missing_packages() {
	for package in "$@"; do
		is_installed "$package" || printf '%s ' "$package"
	done
}

# has_go: any Go toolchain will do, from a package or not.
has_go() {
	command -v go >/dev/null 2>&1
}

# install_packages NAME...: installs what is missing, saying what.
install_packages() {
	wanted=$(missing_packages "$@")
	if has_go; then
		wanted=$(printf '%s' "$wanted" | sed 's/\bgolang-go\b//')
	fi
	[ -n "$(printf '%s' "$wanted" | tr -d ' ')" ] || return 0
	say "Installing with apt-get: $wanted"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 ||
		die "apt-get update failed"
	# A service that a package brings is for the tests to start, not for the system.
	# shellcheck disable=SC2086
	as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq \
		--no-install-recommends $wanted >&2 || die "apt-get install failed"
}

# other_system: names what to install where there is no apt-get.
other_system() {
	say "This system has no apt-get. Please install, under the names they have here:"
	say "  to build: a C compiler, Meson 1.0, Ninja, pkg-config, and the development files of"
	say "            libelf and libdw (elfutils), Zydis 4, zlib, zstd, xxhash, protobuf-c"
	say "            (with protoc-c), cmocka"
	say "  Fedora:   gcc meson ninja-build pkgconf elfutils-devel zydis-devel zlib-devel"
	say "            libzstd-devel xxhash-devel protobuf-c-devel protobuf-c-compiler libcmocka-devel"
	say "  Arch:     gcc meson ninja pkgconf libelf zydis zlib zstd xxhash protobuf-c cmocka"
	say "  Alpine:   build-base meson pkgconf elfutils-dev zydis-dev zlib-dev zstd-dev xxhash-dev"
	say "            protobuf-c-dev protobuf-c-compiler cmocka-dev"
	say "  the demo needs Go 1.19 or newer too, the tests also Python 3 and clang"
	say "and run this again with GOSPY_NO_INSTALL=1."
}
