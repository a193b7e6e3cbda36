//! Shapes of NTFS volumes, made by `mkntfs` and filled through ntfs-3g.

use super::Shape;

/// A shape: its name, MiB, options of `mkntfs`, options of the mount, and what fills it, run in the mounted root.
///
/// ntfs-3g runs in the foreground and is waited for: of an image file, `umount` returns before the daemon has written
/// its last block.
macro_rules! shape {
    ($name:literal, $mib:literal, $format:literal, $mount:literal, $fill:literal) => {
        Shape {
            name: $name,
            script: concat!(
                "truncate -s ",
                $mib,
                "M $IMG\nmkntfs -F -Q -q ",
                $format,
                " $IMG >/dev/null 2>&1\nM=$IMG.mnt; mkdir -p $M\n",
                "ntfs-3g -o no_detach,",
                $mount,
                " $IMG $M & P=$!\ntrap 'cd /; umount $M 2>/dev/null; wait $P' EXIT\n",
                "until mountpoint -q $M; do kill -0 $P; sleep 0.02; done\ncd $M\n",
                $fill,
                "\ncd /; umount $M; wait $P; trap - EXIT; rmdir $M\n"
            ),
        }
    };
    ($name:literal, $mib:literal, $format:literal) => {
        Shape {
            name: $name,
            script: concat!("truncate -s ", $mib, "M $IMG; mkntfs -F -Q -q ", $format, " $IMG >/dev/null 2>&1\n"),
        }
    };
}

/// Small enough for every run.
pub(crate) const SHAPES: &[Shape] = &[
    // Fresh, of every cluster size, and of 4 KiB sectors.
    shape!("ntfs-fresh-512", 16, "-c 512"),
    shape!("ntfs-fresh-1k", 16, "-c 1024 -L Lifeboat"),
    shape!("ntfs-fresh-2k", 16, "-c 2048"),
    shape!("ntfs-fresh-4k", 24, "-c 4096"),
    shape!("ntfs-fresh-8k", 24, "-c 8192"),
    shape!("ntfs-fresh-16k", 32, "-c 16384"),
    shape!("ntfs-fresh-32k", 48, "-c 32768"),
    shape!("ntfs-fresh-64k", 64, "-c 65536"),
    shape!("ntfs-fresh-2m", 512, "-c 2097152"),
    shape!("ntfs-fresh-4k-sectors", 32, "-s 4096 -c 4096"),
    shape!("ntfs-fresh-odd-length", 17, "-c 4096 $IMG 34567 >/dev/null 2>&1; truncate -s 17698304 $IMG #"),
    // Files of every size, by cluster size.
    shape!(
        "ntfs-files-512",
        16,
        "-c 512",
        "streams_interface=xattr",
        "mkdir -p a/b; for i in $(seq 0 37 1500); do head -c $((i*i/9)) /dev/urandom > a/b/file-$i; done"
    ),
    shape!(
        "ntfs-files-4k",
        32,
        "-c 4096",
        "streams_interface=xattr",
        "mkdir -p a/b; for i in $(seq 0 37 3000); do head -c $((i*i/9)) /dev/urandom > a/b/file-$i; done; rm a/b/file-3*"
    ),
    shape!(
        "ntfs-files-64k",
        64,
        "-c 65536",
        "streams_interface=xattr",
        "mkdir -p a/b; for i in $(seq 0 37 3000); do head -c $((i*i/9)) /dev/urandom > a/b/file-$i; done; rm a/b/file-3*"
    ),
    shape!(
        "ntfs-files-4k-sectors",
        48,
        "-s 4096 -c 4096",
        "streams_interface=xattr",
        "mkdir -p a/b; for i in $(seq 0 37 2000); do head -c $((i*i/9)) /dev/urandom > a/b/file-$i; done; rm a/b/file-3*"
    ),
    // Not one cluster free.
    shape!(
        "ntfs-full",
        16,
        "-c 1024",
        "streams_interface=xattr",
        "mkdir d; for i in $(seq 100); do echo $i > d/$i; done; cat /dev/zero > rest 2>/dev/null || true
        for i in $(seq 200); do head -c 3000 /dev/urandom > d/more-$i 2>/dev/null || break; done || true"
    ),
    // A file of many hundred runs, hence an attribute list.
    shape!(
        "ntfs-fragmented",
        16,
        "-c 1024",
        "streams_interface=xattr",
        "mkdir d; cat /dev/zero > rest 2>/dev/null || true; truncate -s -3M rest
        for i in $(seq 1800); do printf %1200s $i > d/$i; done 2>/dev/null || true
        cat /dev/zero > rest2 2>/dev/null || true; rm d/*[13579]
        head -c 800000 /dev/urandom > pieces 2>/dev/null || true; echo after > after || true"
    ),
    // The same with the smallest clusters, and named streams in pieces, too.
    shape!(
        "ntfs-fragmented-512",
        16,
        "-c 512",
        "streams_interface=windows",
        "mkdir d; head -c 10M /dev/urandom > rest; for i in $(seq 1500); do printf %900s $i > d/$i; done
        cat /dev/zero > rest2 2>/dev/null || true; rm d/*[02468]
        head -c 300000 /dev/urandom > pieces || true; head -c 100000 /dev/urandom > pieces:other || true"
    ),
    // `$MFT` itself in pieces: it grows into the holes that single-cluster files have left.
    shape!(
        "ntfs-fragmented-mft",
        16,
        "-c 1024",
        "streams_interface=xattr",
        "mkdir d e; cat /dev/zero > rest 2>/dev/null || true; truncate -s -2M rest
        for i in $(seq 900); do printf %1000s $i > d/$i; done 2>/dev/null || true
        cat /dev/zero > rest2 2>/dev/null || true; rm d/*[13579]
        for i in $(seq 700); do echo $i > e/$i || break; done 2>/dev/null || true; rm d/*2
        for i in $(seq 2000 3500); do echo $i > e/$i || break; done 2>/dev/null || true"
    ),
    // `$MFT` in so many pieces that it has an attribute list: it grows between the files' single clusters.
    shape!(
        "ntfs-listed-mft",
        32,
        "-c 1024",
        "streams_interface=xattr",
        "mkdir d; cat /dev/zero > rest 2>/dev/null || true; truncate -s -18M rest
        for i in $(seq 7500); do printf %1000s $i > d/$i; done 2>/dev/null || true; rm d/*[02468] rest"
    ),
    // A directory of 5,000 names.
    shape!(
        "ntfs-huge-directory",
        32,
        "-c 4096",
        "streams_interface=xattr",
        "mkdir many; cd many; for i in $(seq 5000); do : > \"a-file-with-number-$i\"; done; cd .."
    ),
    // The same, thinned: its index has empty and half-empty blocks.
    shape!(
        "ntfs-thinned-directory",
        32,
        "-c 512",
        "streams_interface=xattr",
        "mkdir many gone; cd many; for i in $(seq 2500); do : > \"Name-$((i * 7919 % 100003))\"; done; rm *[2-7]
        for i in $(seq 300); do : > \"later-$i\"; done; cd ../gone; for i in $(seq 400); do : > $i; done; rm *; cd .."
    ),
    shape!(
        "ntfs-deep",
        24,
        "-c 4096",
        "streams_interface=xattr",
        "for i in $(seq 60); do mkdir level-$i; cd level-$i; echo $i > leaf; done; cd $M"
    ),
    // Names: long, of other scripts, differing in case only, with DOS names beside them.
    shape!(
        "ntfs-names",
        24,
        "-c 4096",
        "streams_interface=xattr",
        "mkdir n; cd n; for name in 'Grüße 日本.txt' 'ÀÉÎõü' 'ſtraße' 'emoji-😀' 'a b  c' '.hidden' 'tail.' UPPER upper Upper \
        $(printf 'l%.0s' $(seq 255)) 'Ω' 'ω' 'İi' '~'; do echo x > \"$name\"; done
        for i in 1 2 3 4 5 6 7 8; do echo $i > \"a long name number $i.text\"
        setfattr -h -n system.ntfs_dos_name -v \"ALONGN~$i.TEX\" \"a long name number $i.text\"; done; mkdir 'a folder with a name'
        setfattr -h -n system.ntfs_dos_name -v AFOLDE~1 'a folder with a name'; echo in > 'a folder with a name/in'; cd .."
    ),
    shape!(
        "ntfs-links",
        24,
        "-c 4096",
        "streams_interface=xattr",
        "mkdir l m; head -c 9000 /dev/urandom > l/file; for i in $(seq 60); do ln l/file m/link-$i; done
        ln l/file 'other name'; ln -s l/file sym; ln -s nowhere dangling; mkfifo pipe; rm m/link-1*
        echo one > two; ln two three; rm two"
    ),
    shape!(
        "ntfs-streams",
        24,
        "-c 4096",
        "streams_interface=windows",
        "mkdir s; echo main > s/file; for i in $(seq 40); do head -c $((i * 300)) /dev/urandom > s/file:stream-$i; done
        echo of-a-directory > s:notes; head -c 50000 /dev/urandom > s:large; : > s/empty; echo x > s/empty:x"
    ),
    shape!(
        "ntfs-compressed",
        32,
        "-c 4096",
        "compression,streams_interface=xattr",
        "mkdir packed; setfattr -n system.ntfs_attrib_be -v 0x00000800 packed; seq 60000 > packed/text
        (seq 9000; head -c 90000 /dev/zero; head -c 90000 /dev/urandom) > packed/mixed; : > packed/empty; echo x > packed/x
        head -c 300000 /dev/zero > packed/zeros; for i in $(seq 9); do seq $i 5000 >> packed/appended; done"
    ),
    shape!(
        "ntfs-sparse",
        24,
        "-c 4096",
        "streams_interface=xattr",
        "truncate -s 900000 holes; printf end >> holes; truncate -s 300G huge; echo x > x; truncate -s 5M x
        for i in $(seq 0 2 60); do dd if=/dev/urandom of=comb bs=4096 count=1 seek=$i conv=notrunc status=none; done
        truncate -s 100000 comb"
    ),
    shape!(
        "ntfs-small-files",
        24,
        "-c 4096",
        "streams_interface=xattr",
        "for d in 1 2 3 4 5 6; do mkdir d$d; for i in $(seq 250); do echo \"$d $i\" > d$d/f$i; done; done; rm d3/*5; rm -r d5"
    ),
    // Reparse points, object ids and security descriptors: the view indexes $R, $O, $SDH and $SII.
    shape!(
        "ntfs-views",
        24,
        "-c 4096",
        "permissions,streams_interface=xattr",
        "mkdir v; for i in $(seq 120); do echo $i > v/$i; chmod $(printf '%o' $((i * 3 % 512))) v/$i; chown $((i % 40)):$((i % 7)) v/$i
        done; for i in $(seq 60); do id=$(printf '%032x' $((i * 7919))); setfattr -h -n system.ntfs_object_id -v 0x$id v/$i; done
        for i in $(seq 61 110); do
        setfattr -h -n system.ntfs_reparse_data -v 0x1d0000a007000000020000002f6120 v/$i 2>/dev/null || true; done; rm v/*9"
    ),
];
