//! Volumes aged by `debugfs -w`, which has its own code for all that the kernel does, and leaves some of it undone:
//! link counts, for one. So they are sound here exactly where they are there, and mostly damaged.

use super::{e2fsck, findings_of_file, takes};
use crate::oracle::sh;
use crate::zoo::Shape;

/// Writes so many requests: directories, files, links, removals, holes and truncations, from a seed.
const REQUESTS: &str = r#"
    my ($seed, $rounds) = @ARGV; srand $seed; my (@files, @dirs) = ((), (""));
    # write, symlink and mknod know no directories.
    sub within { my ($request, $path) = @_; my ($d, $n) = $path =~ m{(.*)/(.*)}; $request =~ s/%/$n/; print "cd ", $d || "/", "\n$request\ncd /\n" }
    sub name { my $d = $dirs[rand @dirs]; "$d/" . "n" x (1 + rand 30) . int rand 9999 }
    for (1 .. $rounds) {
        my $what = rand; my $old = @files ? $files[rand @files] : undef; my $n = name;
        if ($what < .15) { print "mkdir $n\n"; push @dirs, $n }
        elsif ($what < .55 || !$old) { my $s = int rand 4; within("write s/f$s %", $n); push @files, $n }
        elsif ($what < .75) { print "rm $old\n"; @files = grep { $_ ne $old } @files }
        elsif ($what < .78) { within("symlink % " . "t" x (1 + rand 150), $n) }
        elsif ($what < .80) { within("mknod % p", $n) }
        elsif ($what < .88) { my $b = int rand 40; print "punch $old $b ", $b + int rand 20, "\n" }
        elsif ($what < .92) { print "ea_set $old user.a ", "v" x (1 + rand 300), "\n" }
        elsif ($what < .94) { print "fallocate $old ", int rand 60, " ", 60 + int rand 60, "\n" }
        elsif ($what < .96 && $ARGV[2]) { print "ln $old $n\n" }
        elsif ($what < .98 && $ARGV[2]) { print "unlink $old\n"; @files = grep { $_ ne $old } @files }
        elsif (@dirs > 3 && rand() < .3) { my $d = splice @dirs, 1 + rand(@dirs - 1), 1; print "rmdir $d\n"; push @dirs, $d }
    }
"#;

#[test]
fn volumes_aged_by_debugfs_agree() {
    let (mut count, mut sound, mut wrong) = (0, 0, Vec::new());
    let volumes = [
        "-t ext4 -b 1024 -N 2000",
        "-t ext2 -b 1024 -N 2000",
        "-t ext4 -b 4096 -N 2000 -O bigalloc,^resize_inode -C 16384",
        "-t ext4 -b 1024 -N 2000 -O inline_data",
        "-t ext3 -b 2048 -N 2000",
        "-t ext4 -b 1024 -N 2000 -O verity,casefold,orphan_file",
        "-t ext4 -b 1024 -N 2000 -O meta_bg,^resize_inode,ea_inode -g 2048",
    ];
    for (index, options) in volumes.iter().enumerate().filter(|(index, _)| takes(*index, 4)) {
        for links in ["", "1"] {
            let dir = tempfile::tempdir().unwrap();
            let script = format!(
                "mkdir s; : > s/f0; seq 10 > s/f1; seq 900 > s/f2; seq 9000 > s/f3
                 truncate -s 32M v.img; mke2fs -q -F {options} v.img 2> /dev/null
                 perl - {index} 250 {links} <<'PERL' > requests\n{REQUESTS}\nPERL\ndebugfs -w -f requests v.img > /dev/null 2>&1"
            );
            sh(dir.path(), &script);
            let image = dir.path().join("v.img");
            let found = findings_of_file(&image);
            let (is_sound, said) = e2fsck(&image);
            count += 1;
            sound += usize::from(is_sound);
            if found.is_sound() != is_sound {
                let rules: Vec<_> = found.list.iter().take(10).map(|one| (one.rule, &one.message)).collect();
                let said = said.lines().take(25).collect::<Vec<_>>().join("\n");
                wrong
                    .push(format!("{options} {links}: here {} there {is_sound}: {rules:#?}\n{said}", found.is_sound()));
            }
        }
    }
    println!("{count} volumes aged by debugfs, {sound} of them sound, {} told otherwise", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Flags of files that the kernel at hand may not set, set by debugfs.
#[test]
fn files_with_rare_flags_agree() {
    let (mut count, mut wrong) = (0, Vec::new());
    for (features, requests) in [
        ("verity", "sif f flags 0x180000"),
        ("^64bit", "sif f flags 0x180000"),
        ("casefold", "sif d flags 0x40080000"),
        ("^64bit", "sif d flags 0x40080000"),
        ("casefold", "sif f flags 0x40080000"),
        ("encrypt", "sif f flags 0x80800"),
        ("encrypt", "sif d flags 0x80800"),
        ("^64bit", "sif f flags 0x80800"),
        ("^64bit", "sif f flags 0x80830"),
        ("^64bit", "sif f flags 0x22080000"),
        ("^64bit", "sif f flags 0x280000"),
        ("ea_inode", "sif f flags 0x280000"),
        ("^64bit", "sif f flags 0xc0000"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let script = format!(
            "mkdir s; seq 900 > s/f; mkdir s/d; : > s/d/one; truncate -s 16M v.img
             mke2fs -q -F -t ext4 -b 1024 -O {features} -d s v.img; debugfs -w -R '{requests}' v.img > /dev/null 2>&1"
        );
        sh(dir.path(), &script);
        let image = dir.path().join("v.img");
        let found = findings_of_file(&image);
        let (is_sound, said) = e2fsck(&image);
        count += 1;
        if found.is_sound() != is_sound {
            wrong
                .push(format!("{features} {requests}: here {} there {is_sound}: {found:#?}\n{said}", found.is_sound()));
        }
    }
    println!("{count} volumes with rare flags, {} told otherwise", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// As many files as the issue asks for.
#[test]
fn a_hundred_thousand_files_are_sound() {
    if !crate::oracle::long() {
        return;
    }
    let shape = Shape {
        name: "ext4-100000-files",
        script: concat!(
            include_str!("../zoo/ext.sh"),
            "\nmake 512M -t ext4 -b 1024 -N 110000; into; many_files 100000; away"
        ),
    };
    let dir = tempfile::tempdir().unwrap();
    let image = shape.make(dir.path());
    let found = findings_of_file(&image);
    assert!(found.list.is_empty(), "{:#?}", found.list);
    let (is_sound, said) = e2fsck(&image);
    assert!(is_sound, "{said}");
}
