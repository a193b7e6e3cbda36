# What the scripts of `ext.rs` use. $IMG is the volume to make, $DIR a directory to work in.

# make SIZE OPTIONS…: a fresh volume.
make() { local size=$1; shift; truncate -s "$size" "$IMG"; mke2fs -F -q "$@" "$IMG"; }

# Mounts the volume and enters it; whatever happens, it is unmounted.
into() {
  MOUNT=$DIR/mount.$(basename "$IMG"); mkdir -p "$MOUNT"
  mount -o loop,acl,user_xattr "$IMG" "$MOUNT"; trap 'cd /; umount "$MOUNT"' EXIT; cd "$MOUNT"
}
away() { trap - EXIT; cd "$DIR"; umount "$MOUNT"; rmdir "$MOUNT"; }

# Files outside the volume, for `mke2fs -d` and debugfs.
offline() {
  cd "$DIR"; rm -rf s; mkdir -p s/sub/deeper; seq 5000 > s/alpha; seq 9 > s/sub/beta; ln -s sub/beta s/link
  for i in $(seq 50); do : > s/sub/deeper/name-$i; done
}
# debug COMMANDS…: by debugfs, in the volume.
debug() { local all; all=$(printf '%s\n' "$@"); debugfs -w -f - "$IMG" <<< "$all" > "$DIR/debugfs.log" 2>&1; }

# The checksum seed stays when the UUID changes: only then does the feature matter.
reseed() { tune2fs -U 01234567-89ab-cdef-0123-456789abcdef "$IMG" > /dev/null 2>&1; }
# How hashes take bytes from 0x80 on: 1 as signed, 2 as unsigned numbers.
hash_sign() { debug "ssv flags $1"; }

# setxattr(2), which no tool at hand gives: NAME VALUE FILE…
attribute() { perl -e 'my ($n, $v, @f) = @ARGV; for my $f (@f) { $f = "$f"; syscall(188, $f, $n, $v, length $v, 0) == 0 or die "$f: $!" }' "$@"; }

# Every kind of file: empty, small, long, sparse, unwritten, with holes, odd names, links, devices, attributes.
mixed() {
  echo hello > hello.txt; : > empty; printf 'x%.0s' {1..100} > hundred
  head -c 300000 /dev/urandom > random; head -c 5000 /dev/urandom > small
  for i in 1 2 3; do for f in a b c; do head -c 3000 /dev/urandom >> frag-$f; done; sync -f .; done
  truncate -s 40M sparse
  perl -e 'open F, "+<", "sparse"; for (700_000, 9_000_000, 30_000_000) { seek F, $_, 0; print F "mid" }'
  fallocate -l 200000 unwritten 2>/dev/null || true; printf start | dd of=unwritten bs=1 conv=notrunc status=none
  echo short > beyond-end; fallocate -n -l 150000 beyond-end 2>/dev/null || true
  perl -e 'open F, ">", "holes"; for (0..30) { seek F, $_ * 8192, 0; print F $_ }'
  mkdir -p deep/$(printf 'd/%.0s' {1..30}); echo bottom > deep/$(printf 'd/%.0s' {1..30})file
  mkdir many; for i in {1..400}; do echo $i > many/a-file-with-a-longish-name-$i; done; rm many/*7
  mkdir names; : > "names/ leading and trailing "; : > 'names/new
line'; : > $'names/\xff\xfe not utf-8'; : > "names/$(printf 'n%.0s' {1..255})"; : > 'names/ä€😀'; : > 'names/back\slash:star*'
  ln -s hello.txt link; ln -s /$(printf 'long/%.0s' {1..40})end longlink
  ln -s $(printf 'p%.0s' {1..59}) link59; ln -s $(printf 'q%.0s' {1..60}) link60
  ln hello.txt hardlink; ln hello.txt names/hard; mkfifo fifo; mknod null c 1 3; mknod disk b 259 70000
  attribute user.note short hello.txt empty many names; attribute user.note "$(printf 'v%.0s' {1..600})" small random many
  attribute trusted.t t link59 longlink || true
  touch -d '1969-12-31 23:00:00.25 UTC' small; touch -d '2106-02-07 06:28:17.5 UTC' hundred 2>/dev/null || true
  mkdir -m 1777 tmp; mkdir empty-directory; chmod 4751 random
}

# A file of 1500 pieces with holes between them.
pieces() { perl -e 'open F, ">", "pieces"; for (0..1499) { seek F, $_ * 8192, 0; print F "piece $_" } seek F, 70_000_000, 0; print F "end"'; }
# Content that is inside inodes: of many lengths, and directories of few names.
tiny() {
  mkdir tiny; for i in {0..200}; do printf "%${i}s" x > tiny/$i; done
  for i in {1..20}; do mkdir tiny/d$i; for j in $(seq $((i % 7))); do : > tiny/d$i/n$j; done; done
  ln -s $(printf 'r%.0s' {1..90}) tiny/link
}
# Single, double and triple indirect blocks.
triple() { perl -e 'open F, ">", "triple"; for (0, 11_000, 12_288, 274_431, 280_000, 67_383_295, 67_383_296, 90_000_000, 400_000_000) { seek F, $_, 0; print F "here" }'; }
# No block is left, and then no inode.
full() {
  mkdir d; head -c 100000 /dev/urandom > first; cat /dev/zero > fill 2>/dev/null || true
  perl -e 'for (1..100_000) { open(F, ">", "d/n$_") or last }' || true
}
# Free space in single blocks, and files that had to take them.
fragmented() {
  perl -e 'for (1..2500) { open F, ">", "f$_"; print F "x" x 3000; close F }'; sync -f .
  perl -e 'unlink "f" . $_ * 2 for 1..1250'; sync -f .
  for f in one two three; do head -c 900000 /dev/zero > $f; sync -f .; done
  perl -e 'unlink "f" . ($_ * 4 + 1) for 1..500'; sync -f .; head -c 700000 /dev/zero > four
}
# More extents than a tree of depth 1 holds with blocks of 1 KiB (4 * 84).
deep_extents() { perl -e 'open F, ">", "deep"; for (0..5999) { seek F, $_ * 2048, 0; print F "piece $_" }'; echo 1 > deep-unwritten; fallocate -n -l 5M deep-unwritten; }
# A directory of so many names, all for a few files.
huge_directory() {
  mkdir huge; perl -e 'my $n = shift; my $b = 0; for (1..$n) { if ($_ % 30000 == 1 || $_ % 900 == 1) { $b = "huge/b\xe4\xf6$_"; open F, ">", $b; close F } link $b, "huge/n\x{e9}_$_" or die $! }' "$1"
}
deep_tree() { perl -e 'for (1..shift) { mkdir "directory-$_" or die; chdir "directory-$_" } open F, ">", "bottom"; print F "x" x 2000' "$1"; }
many_files() { perl -e 'my $n = shift; for (1..60) { mkdir "d$_" } for (1..$n) { open F, ">", "d" . (1 + $_ % 60) . "/file-$_"; print F $_ if $_ % 3 }' "$1"; }
# A large value of its own inode, one in a block, and small ones.
large_attributes() { : > large; attribute user.large "$(printf 'w%.0s' {1..9000})" large small; attribute user.mid "$(printf 'm%.0s' {1..700})" large; }
# One attribute block for many files: access control lists and long values that are equal.
shared_attributes() {
  mkdir d; for i in {1..60}; do echo $i > d/f$i; done
  attribute user.same "$(printf 's%.0s' {1..500})" d/f*; attribute user.other "$(printf 'o%.0s' {1..400})" d/f1* d
  perl -e 'my $acl = pack("V(vvV)5", 2, 1,6,0xffffffff, 2,7,1000, 4,4,0xffffffff, 16,7,0xffffffff, 32,4,0xffffffff);
    my $n = "system.posix_acl_access"; for (@ARGV) { syscall(188, $_, $n, $acl, length $acl, 0) == 0 or die "$_: $!" }' d/f2* d
}
