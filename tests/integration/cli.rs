//! The command line, as a script sees it: exit codes, what goes to which output, JSON documents.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::oracle::{lifeboat, sh};

/// Runs `lifeboat ARGS` without a terminal, with its log in the same folder.
fn run(dir: &Path, args: &[&str]) -> Output {
    lifeboat().args(args).current_dir(dir).env("XDG_STATE_HOME", dir.join("state")).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("ended by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The one document on standard output.
fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}\n{}\n{}", stdout(output), stderr(output)))
}

#[test]
fn a_command_line_that_makes_no_sense_is_a_usage_error() {
    let dir = tempfile::tempdir().unwrap();
    let bad: [&[&str]; 9] = [
        &["sink"],
        &["backup", "a.img"],
        &["backup", "a.img", "--to", "x.lbi", "--level", "20"],
        &["backup", "a.img", "--to", "x.lbi", "--split", "0"],
        &["backup", "a.img", "--to", "x.lbi", "--kind", "best"],
        &["restore", "x.lbi"],
        &["restore", "x.lbi", "--to", "a.img", "--zero-free", "--discard"],
        &["extract", "x.lbi", "--to", "here"],
        &["--disk", "a.img", "verify", "x.lbi"],
    ];
    for args in bad {
        let output = run(dir.path(), args);
        assert_eq!(code(&output), 2, "{args:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
    let output = run(dir.path(), &["info", "--json"]);
    assert_eq!(code(&output), 2);
    assert_eq!(document(&output)["error"]["kind"], "usage");
}

#[test]
fn without_a_terminal_the_wizard_says_how_to_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &[]);
    assert_eq!(code(&output), 2);
    assert!(output.stdout.is_empty());
    assert!(stderr(&output).starts_with("lifeboat: ") && stderr(&output).contains("lifeboat backup"));
}

#[test]
fn help_version_completions_and_manual_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let help = run(dir.path(), &["--help"]);
    assert_eq!(code(&help), 0);
    for word in ["disks", "backup", "info", "verify", "restore", "ls", "extract", "demo", "completions", "man"] {
        assert!(stdout(&help).contains(&format!("\n  {word} ")), "{word}");
        assert_eq!(code(&run(dir.path(), &[word, "--help"])), 0, "{word}");
    }
    assert!(stdout(&run(dir.path(), &["--version"])).starts_with("lifeboat "));
    for shell in ["bash", "zsh", "fish"] {
        let completions = run(dir.path(), &["completions", shell]);
        assert_eq!(code(&completions), 0);
        assert!(stdout(&completions).contains("even-if-dirty"), "{shell}");
    }
    let manual = run(dir.path(), &["man"]);
    assert_eq!(code(&manual), 0);
    assert!(stdout(&manual).contains(".TH lifeboat 1") && stdout(&manual).contains("LIFEBOAT RESTORE"));
}

#[test]
fn a_restore_without_a_terminal_and_without_yes_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("target.img"), "mine").unwrap();
    let args = ["restore", "x.lbi", "--to", "target.img"];
    let output = run(dir.path(), &args);
    assert_eq!(code(&output), 3);
    assert!(output.stdout.is_empty());
    assert!(stderr(&output).contains("--yes") && stderr(&output).contains("--dry-run"));

    let output = run(dir.path(), &[&args[..], &["--json"]].concat());
    assert_eq!(code(&output), 3);
    let error = &document(&output)["error"];
    assert_eq!(error["kind"], "refused");
    assert!(error["advice"].as_str().unwrap().contains("--yes"));
    assert!(!error["message"].as_str().unwrap().contains("--yes"), "the advice stands by itself");

    assert_eq!(code(&run(dir.path(), &["restore", "-", "--to", "target.img"])), 3);
    assert_eq!(std::fs::read(dir.path().join("target.img")).unwrap(), b"mine");
}

#[test]
fn what_is_not_there_is_a_failure_and_an_error_document() {
    let dir = tempfile::tempdir().unwrap();
    for args in [
        &["info", "no.lbi", "--json"][..],
        &["ls", "no.lbi", "--json"],
        &["extract", "no.lbi", "/", "--to", "out", "--json"],
        &["backup", "no.img", "--to", "x.lbi", "--json"],
        &["restore", "no.lbi", "--to", "no.img", "--yes", "--json"],
    ] {
        let output = run(dir.path(), args);
        assert_eq!(code(&output), 1, "{args:?}: {}", stderr(&output));
        assert!(document(&output)["error"]["message"].is_string(), "{args:?}");
        assert!(stderr(&output).starts_with("lifeboat: "), "{args:?}");
    }
    let output = run(dir.path(), &["verify", "no.lbi", "--json"]);
    assert_eq!((code(&output), &document(&output)["outcome"]), (1, &Value::from("failed")));
    assert!(!dir.path().join("x.lbi").exists());
}

#[test]
fn no_progress_is_drawn_where_nobody_looks() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["verify", "no.lbi"]);
    assert!(!output.stderr.contains(&b'\r') && !output.stderr.contains(&0x1b), "{:?}", stderr(&output));
    assert_eq!(stderr(&output).lines().filter(|line| line.starts_with("lifeboat: ")).count(), 1);
}

#[test]
fn the_log_goes_where_it_is_sent_and_its_lack_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &["verify", "no.lbi", "--log", "my.log"]);
    assert!(std::fs::read_to_string(dir.path().join("my.log")).unwrap().contains("no.lbi"));
    run(dir.path(), &["verify", "no.lbi"]);
    assert!(dir.path().join("state/lifeboat/lifeboat.log").exists());
    let output = run(dir.path(), &["verify", "no.lbi", "--log", "/proc/no/such.log"]);
    assert!(stderr(&output).contains("no log") && stderr(&output).contains("no.lbi"));
    run(dir.path(), &["man", "--log", "unused.log"]);
    assert!(!dir.path().join("unused.log").exists(), "a command that does no job keeps no log");
}

#[test]
fn a_practice_disk_never_replaces_a_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("practice.img"), "mine").unwrap();
    let output = run(dir.path(), &["demo", "--no-wizard", "--dir", "."]);
    assert_eq!(code(&output), 3);
    assert_eq!(std::fs::read(dir.path().join("practice.img")).unwrap(), b"mine");
}

/// The keys of an object, sorted.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// A disk of two volumes: 1 is FAT, 2 NTFS, and a third partition without one.
fn disk(dir: &Path) {
    sh(
        dir,
        "truncate -s 64M disk.img
         printf 'label: gpt\n2048,32768,EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\n,32768,EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\n,32768\n' | sfdisk -q disk.img
         mkfs.fat -F 16 -n BOAT --offset 2048 disk.img 16384 >/dev/null
         truncate -s 16M ntfs.img
         mkntfs -q -F -f -p 34816 -H 255 -S 63 -L Windows ntfs.img 2>/dev/null
         dd if=ntfs.img of=disk.img bs=1M seek=17 conv=notrunc status=none; rm ntfs.img
         mkdir tree tree/deep; seq 1 5000 >tree/deep/numbers.txt; echo hello >tree/hello.txt
         touch -d '2026-01-02 03:04:06 UTC' tree/hello.txt
         TZ=UTC mcopy -s -m -i disk.img@@1M tree/deep tree/hello.txt ::",
    );
}

#[test]
fn disks_as_a_document_has_the_promised_names() {
    let dir = tempfile::tempdir().unwrap();
    disk(dir.path());
    let output = run(dir.path(), &["disks", "--disk", "disk.img", "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(output.stderr.is_empty());
    let document = document(&output);
    assert_eq!(keys(&document), ["disks"]);
    let disk = &document["disks"][0];
    for key in [
        "path",
        "model",
        "serial",
        "bytes",
        "sector_bytes",
        "removable",
        "read_only",
        "mounted_at",
        "table",
        "partitions",
        "volume",
    ] {
        assert!(disk.get(key).is_some(), "disk: {key}");
    }
    assert_eq!(keys(&disk["table"]), ["health", "id", "kind", "notes"]);
    assert_eq!((&disk["table"]["kind"], &disk["bytes"]), (&Value::from("gpt"), &Value::from(64 << 20)));
    let partitions = disk["partitions"].as_array().unwrap();
    assert_eq!(partitions.len(), 3);
    for key in ["number", "start_bytes", "bytes", "type", "name", "id", "active", "found", "volume"] {
        assert!(partitions.iter().all(|partition| partition.get(key).is_some()), "partition: {key}");
    }
    let volume = &partitions[0]["volume"];
    for key in ["kind", "label", "id", "cluster_bytes", "clusters", "used_clusters", "state", "images"] {
        assert!(volume.get(key).is_some(), "volume: {key}");
    }
    assert_eq!((&volume["kind"], &volume["label"]), (&Value::from("fat16"), &Value::from("BOAT")));
    let words = stdout(&run(dir.path(), &["disks", "--disk", "disk.img"]));
    assert!(words.contains("disk.img:1") && words.contains("\"BOAT\""), "{words}");
}

#[test]
fn a_volume_goes_to_an_image_and_back_with_the_promised_exit_codes() {
    let dir = tempfile::tempdir().unwrap();
    disk(dir.path());
    let before = sh(dir.path(), "sha256sum <disk.img");
    let plan = run(dir.path(), &["backup", "disk.img:1", "--to", "x.lbi", "--dry-run", "--json"]);
    assert_eq!(code(&plan), 0, "{}", stderr(&plan));
    assert!(document(&plan)["plan"]["steps"].is_array() && !dir.path().join("x.lbi").exists());

    let backup = run(dir.path(), &["backup", "disk.img:1", "--to", "x.lbi", "--json"]);
    assert_eq!(code(&backup), 0, "{}", stderr(&backup));
    assert_eq!(keys(&document(&backup)), ["facts", "headline", "next", "outcome", "warnings"]);
    assert!(backup.stderr.is_empty(), "{}", stderr(&backup));
    assert_eq!(sh(dir.path(), "sha256sum <disk.img"), before, "a backup writes nothing to its source");

    let info = run(dir.path(), &["info", "x.lbi", "--json"]);
    assert_eq!((code(&info), keys(&document(&info))), (0, vec!["bytes", "damage", "header", "trailer"]));
    assert_eq!(code(&run(dir.path(), &["verify", "x.lbi"])), 0);

    sh(dir.path(), "dd if=/dev/zero of=disk.img bs=1M seek=1 count=1 conv=notrunc status=none");
    let args = ["restore", "x.lbi", "--to", "disk.img:1"];
    assert_eq!(code(&run(dir.path(), &[&args[..], &["--dry-run"]].concat())), 0);
    assert_eq!(code(&run(dir.path(), &args)), 3);
    let restore = run(dir.path(), &[&args[..], &["--yes"]].concat());
    assert_eq!(code(&restore), 0, "{}", stderr(&restore));
    sh(
        dir.path(),
        "dd if=disk.img of=fat.img bs=1M skip=1 count=16 status=none; fsck.fat -n fat.img; mcopy -i fat.img ::hello.txt .; cmp hello.txt tree/hello.txt",
    );

    let small = run(dir.path(), &["restore", "x.lbi", "--to", "tree/hello.txt", "--yes", "--json"]);
    assert_eq!((code(&small), &document(&small)["error"]["kind"]), (3, &Value::from("refused")));
}

/// Checks a volume: the exit code, and the document with only what was promised looked at.
fn checked(dir: &Path, source: &str) -> (i32, Value) {
    let output = run(dir, &["check", source, "--json"]);
    let document = document(&output);
    let keys = keys(&document);
    for promised in ["volume", "sound", "findings"] {
        assert!(keys.contains(&promised), "{keys:?}");
    }
    for finding in document["findings"].as_array().unwrap() {
        assert!(["error", "warning", "note"].contains(&finding["severity"].as_str().unwrap()), "{finding}");
        assert!(finding["message"].is_string() && finding["place"].is_object(), "{finding}");
        assert!(finding["path"].is_string() || finding["path"].is_null(), "{finding}");
    }
    (code(&output), document)
}

#[test]
fn a_check_tells_sound_from_untidy_from_damaged_by_its_exit_code_and_never_writes() {
    let dir = tempfile::tempdir().unwrap();
    disk(dir.path());
    sh(
        dir.path(),
        "truncate -s 16M fat.img; mkfs.fat -F 16 fat.img >/dev/null; seq 9000 >a.txt; mcopy -i fat.img a.txt ::/\n\
         cp fat.img sound.img; cp fat.img dirty.img; cp fat.img bad.img; sha256sum *.img >sums\n\
         # FAT[1]'s bit for a proper unmounting; and the second FAT's first file entry, which then differs from the first's.\n\
         bytes=$(od -An -tu2 -j 11 -N 2 fat.img); reserved=$(od -An -tu2 -j 14 -N 2 fat.img); fat=$(od -An -tu2 -j 22 -N 2 fat.img)\n\
         for copy in 0 1; do printf '\\x7f' | dd of=dirty.img bs=1 seek=$(((reserved + copy * fat) * bytes + 3)) conv=notrunc status=none; done\n\
         printf '\\x55\\x55' | dd of=bad.img bs=1 seek=$((reserved * bytes + 4)) conv=notrunc status=none\n\
         printf '\\x55\\x55' | dd of=bad.img bs=1 seek=$(((reserved + fat) * bytes + 4)) conv=notrunc status=none\n\
         sha256sum *.img >sums",
    );
    let (sound, document) = checked(dir.path(), "sound.img");
    assert_eq!((sound, &document["sound"], document["findings"].as_array().unwrap().len()), (0, &true.into(), 0));
    assert_eq!(document["volume"]["kind"], "fat16");
    let (untidy, document) = checked(dir.path(), "dirty.img");
    assert_eq!((untidy, &document["sound"]), (4, &true.into()), "{document}");
    let (damaged, document) = checked(dir.path(), "bad.img");
    assert_eq!((damaged, &document["sound"]), (1, &false.into()), "{document}");
    let words = run(dir.path(), &["check", "bad.img"]);
    assert_eq!(code(&words), 1);
    assert!(stdout(&words).contains("NOT sound") && stdout(&words).contains("fsck.fat"), "{}", stdout(&words));
    sh(dir.path(), "sha256sum -c --quiet sums");
    // A partition, and the volume in an image, are checked the same way; what has no file system is not.
    let partition = run(dir.path(), &["check", "disk.img:1"]);
    assert_eq!(code(&partition), 0, "{}{}", stdout(&partition), stderr(&partition));
    assert_eq!(code(&run(dir.path(), &["backup", "bad.img", "--to", "bad.lbi"])), 0);
    assert_eq!(checked(dir.path(), "bad.lbi").0, 1);
    let none = run(dir.path(), &["check", "a.txt"]);
    assert_eq!(code(&none), 1);
    assert!(stderr(&none).contains("no file system"), "{}", stderr(&none));
}

#[test]
fn an_image_goes_through_a_pipe_and_beside_it_nothing() {
    let dir = tempfile::tempdir().unwrap();
    disk(dir.path());
    let backup = run(dir.path(), &["backup", "disk.img:1", "--to", "-"]);
    assert_eq!(code(&backup), 0, "{}", stderr(&backup));
    std::fs::write(dir.path().join("piped.lbi"), &backup.stdout).unwrap();
    assert_eq!(code(&run(dir.path(), &["verify", "piped.lbi"])), 0);
}

#[test]
fn a_damaged_image_fails_its_verification() {
    let dir = tempfile::tempdir().unwrap();
    disk(dir.path());
    assert_eq!(code(&run(dir.path(), &["backup", "disk.img:1", "--to", "x.lbi"])), 0);
    let path = dir.path().join("x.lbi");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(code(&run(dir.path(), &["verify", "x.lbi"])), 1);
}

#[test]
fn files_come_out_of_a_volume_and_of_its_image() {
    let dir = tempfile::tempdir().unwrap();
    disk(dir.path());
    assert_eq!(code(&run(dir.path(), &["backup", "disk.img:1", "--to", "x.lbi"])), 0);
    for subject in ["disk.img:1", "x.lbi"] {
        let ls = run(dir.path(), &["ls", subject, "--json"]);
        assert_eq!(code(&ls), 0, "{}", stderr(&ls));
        let entries = document(&ls)["entries"].as_array().unwrap().clone();
        let hello = entries.iter().find(|entry| entry["name"] == "hello.txt").unwrap();
        assert_eq!(keys(hello), ["attributes", "bytes", "kind", "modified", "name", "path", "streams"]);
        assert_eq!((&hello["bytes"], &hello["path"]), (&Value::from(6), &Value::from("/hello.txt")));

        let to = format!("out-{subject}").replace(':', "-");
        let extract = run(dir.path(), &["extract", subject, "/deep", "hello.txt", "--to", &to]);
        assert_eq!(code(&extract), 0, "{}", stderr(&extract));
        sh(
            dir.path(),
            &format!("cmp tree/deep/numbers.txt {to}/deep/numbers.txt; test $(stat -c %Y {to}/hello.txt) = 1767323046"),
        );
        let again = run(dir.path(), &["extract", subject, "/hello.txt", "--to", &to]);
        assert_eq!(code(&again), 3, "{}", stderr(&again));
        assert_eq!(code(&run(dir.path(), &["extract", subject, "/hello.txt", "--to", &to, "--overwrite"])), 0);
    }
}

#[test]
fn the_demo_does_the_whole_job_without_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["demo", "--dir", "practice"]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("All three partitions came back"));
    sh(
        dir.path(),
        "cut() { dd if=practice/practice.img of=$1 bs=1M skip=$2 count=$3 status=none; }
         cut fat.img 1 48; fsck.fat -n fat.img
         cut ntfs.img 49 32; ntfsinfo -m ntfs.img
         cut ext4.img 81 48; e2fsck -fn ext4.img
         sgdisk -v practice/practice.img",
    );
}
