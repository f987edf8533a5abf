#!/bin/bash
# Builds testkase-reporter as one static file. See --help.
set -euo pipefail
export LC_ALL=C.UTF-8
umask 022

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
readonly here root=${here%/deploy}
readonly work=$root/build/static-curl result=$root/build/static/testkase-reporter
# shellcheck source=deploy/progress.sh
source "$here/progress.sh"
# shellcheck source=deploy/build.sh
source "$here/build.sh"

# What the reporter needs of libcurl: HTTP and HTTPS, proxies, names resolved without glibc, which cannot do that in a static
# program. No configuration of OpenSSL is loaded: it could ask for modules, which a static program cannot load. No
# certificates are built in: reporter/trust.c chooses the file.
readonly curl_options=(
    --enable-static --disable-shared --with-openssl --enable-ares --with-zlib --disable-openssl-auto-load-config
    --without-ca-bundle --without-ca-path --without-libssh2 --without-libidn2 --without-nghttp2 --without-libpsl
    --without-brotli --without-zstd --without-librtmp --without-libgsasl --without-gssapi --without-zsh-functions-dir
    --without-fish-functions-dir --disable-ldap --disable-ldaps --disable-ftp --disable-file --disable-dict
    --disable-telnet --disable-tftp --disable-pop3 --disable-imap --disable-smb --disable-smtp --disable-gopher
    --disable-mqtt --disable-rtsp --disable-ntlm --disable-tls-srp --disable-unix-sockets --disable-cookies
    --disable-netrc --disable-doh --disable-mime --disable-alt-svc --disable-hsts --disable-websockets --disable-manual
    --disable-libcurl-option --disable-get-easy-options --disable-dependency-tracking)
readonly curl_flags='-O2 -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3'

print_help() {
    cat <<END
Usage: deploy/reporter-static.sh

Installs what is missing to build it (as root or by sudo), fetches Debian's source of curl, builds a small libcurl from it
once, and links testkase-reporter with it: build/static/testkase-reporter, one file for x86-64 that needs no library and no
other file of a machine but CA certificates and /etc/resolv.conf. Whoever passes it on passes on build/static/LICENSES,
too: the licenses of the libraries in it.

The source comes from the mirror that apt is configured with, and is verified by Debian's keys; apt's configuration and
state stay as they are. libcurl is built anew when its options or Debian's version of curl, OpenSSL or c-ares has changed.
END
}

# --- the source of curl ---

# Of every suite of Debian that apt knows packages of, its sources.
write_sources() {
    local uri suite component origin
    # shellcheck disable=SC2016 # for apt-get
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' | sort --unique |
        while read -r uri suite component origin; do
            [[ $origin == Debian ]] || continue
            printf 'Types: deb-src\nURIs: %s\nSuites: %s\n' "$uri" "$suite"
            # A suite that is a path has no components.
            [[ $suite == */ ]] || printf 'Components: %s\n' "$component"
            printf 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n'
        done >"$work/debian.sources"
    [[ -s $work/debian.sources ]] || fail 'apt knows no packages of Debian: run apt-get update first'
}

# apt-get with a state of its own. It may write only there, so that another user than this one could not.
apt_here() {
    apt-get --quiet --yes -o Dir::Etc::SourceList="$work/debian.sources" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State="$work/apt" -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" \
        -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@"
}

fetch_source() {
    mkdir -p -- "$work"/apt/{lists,cache/archives}/partial "$work/source" && cd -- "$work/source" &&
        apt_here -o APT::Update::Error-Mode=any update && apt_here --only-source source curl
}

# --- libcurl ---

# All that decides about the library.
describe_curl() {
    printf '%s\n' "${curl_options[*]}" "$curl_flags"
    gcc -dumpfullversion
    dpkg-query --show --showformat '${Package} ${source:Version}\n' libcurl4-openssl-dev libc-ares-dev libssl-dev zlib1g-dev
}

configure_curl() {
    local folders=("$work"/source/curl-*/)
    cd -- "${folders[0]}" && ./configure --prefix="$work/installed" CFLAGS="${curl_flags//$'\n'/ }" "${curl_options[@]}"
}

compile_curl() {
    local folders=("$work"/source/curl-*/)
    make -C "${folders[0]}/lib" -j "$(nproc)" install && make -C "${folders[0]}/include" install &&
        install -D -m 644 -- "${folders[0]}/libcurl.pc" "$work/installed/lib/pkgconfig/libcurl.pc"
}

build_curl() {
    local described
    described=$(describe_curl)
    if [[ -f $work/made-of && $(<"$work/made-of") == "$described" ]]; then
        return
    fi
    rm -rf -- "$work"
    mkdir -p -- "$work"
    write_sources
    progress "Fetching Debian's source of curl" "$logs/static-curl-fetch.log" fetch_source &&
        progress 'Configuring libcurl' "$logs/static-curl-configure.log" configure_curl &&
        progress 'Compiling libcurl' "$logs/static-curl-compile.log" compile_curl || exit 1
    rm -rf -- "$work/source" "$work/apt"
    printf '%s\n' "$described" >"$work/made-of"
}

# --- licenses ---

# What is in the file, and under which licenses: as Debian's packages say it.
write_licenses() {
    local package
    for package in libcurl4-openssl-dev libc-ares-dev libssl-dev zlib1g-dev libexpat1-dev libyajl-dev libsodium-dev libc6-dev; do
        dpkg-query --show --showformat '=== ${source:Package} ===\n\n' "$package"
        cat -- "/usr/share/doc/$package/copyright"
        echo
    done
}

if (($# > 0)); then
    [[ $* == --help || $* == -h ]] || fail "there are no arguments; see --help"
    print_help
    exit 0
fi
[[ $(uname -m) == x86_64 ]] || fail 'the static reporter is built for x86-64, on x86-64'
readonly logs=$root/build/logs
mkdir -p -- "$logs" "${result%/*}"
"$here/install-packages.sh" build static
exec 8>"$root/build/static.lock"
flock 8
build_curl
build_preset "$root" static-reporter "$logs" testkase-reporter || exit 1
# Another program may run the old file: it is replaced, not written to.
strip --strip-all -o "$result.new" "$root/build/static-reporter/reporter/testkase-reporter"
mv -- "$result.new" "$result"
write_licenses >"${result%/*}/LICENSES"
say "$result: $(stat --format %s "$result") bytes"
