//! Every place where a value can hide, each as a claim.

use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::super::{Counted, End, masked};
use super::{Tree, VALUE, searcher, set};

#[test]
fn a_value_in_a_file_is_found_wherever_it_begins() {
    let tree = Tree::new();
    // Around the borders of what is read at once.
    for at in [0, 1, 5_000, 131_050, 131_071, 131_072, 300_000] {
        let mut content = vec![b'.'; at];
        content.extend(VALUE.as_bytes());
        content.resize(400_000, 0);
        tree.write("big", content);
        let report = tree.scan();
        assert_eq!(tree.found(&report), set(&["big: content, plain"]), "{at}");
        assert_eq!(usize::try_from(report.findings[0].offset).unwrap(), at);
        assert_eq!(report.counts.of(Counted::Bytes), 400_000);
        assert!(!report.is_clean());
    }
}

#[test]
fn a_value_in_a_name_a_directory_or_a_link_target_is_found() {
    let tree = Tree::new();
    tree.write(&format!("a-{VALUE}"), "");
    fs::create_dir_all(tree.0.join(format!("b-{VALUE}/below"))).unwrap();
    symlink(format!("/none/{VALUE}"), tree.0.join("link")).unwrap();
    let report = tree.scan();
    let expected = [
        "a-VALUE: name, plain",
        "b-VALUE: name, plain",
        "link: link target, plain",
    ];
    assert_eq!(tree.found(&report), set(&expected));
    for finding in &report.findings {
        let shown = finding.shown(&searcher());
        assert!(searcher().find(&shown, 0).is_none());
    }
    assert_eq!(masked(VALUE.as_bytes(), &searcher()), b"[secret planted]");
}

#[test]
fn a_value_in_a_layer_of_another_device_is_found() {
    // An overlay over several file systems gives its files their devices, and
    // its directories one of its own.
    let work = || {
        let tree = Tree::new();
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        let below = |name: &str| tree.0.join(name);
        for name in ["lower", "upper", "merged"] {
            fs::create_dir(below(name)).unwrap();
        }
        for (name, kind) in [("lower", "ramfs"), ("upper", "tmpfs")] {
            mount(Some(kind), &below(name), Some(kind), MsFlags::empty(), none).unwrap();
        }
        for name in ["upper/new", "upper/work"] {
            fs::create_dir(below(name)).unwrap();
        }
        tree.write("lower/image", VALUE);
        let at = |name: &str| below(name).display().to_string();
        let (lower, upper, work) = (at("lower"), at("upper/new"), at("upper/work"));
        let layers = format!("lowerdir={lower},upperdir={upper},workdir={work},xino=off");
        let kind = Some("overlay");
        mount(
            kind,
            &below("merged"),
            kind,
            MsFlags::empty(),
            Some(layers.as_str()),
        )
        .unwrap();
        tree.write("merged/new", VALUE);
        let report = tree.scan_by(|root| root.path = below("merged"), |_| {});
        let found = tree.found(&report);
        let expected = ["merged/image: content, plain", "merged/new: content, plain"];
        assert_eq!(found, set(&expected));
    };
    thread::spawn(work).join().unwrap();
}

#[test]
fn a_hole_is_passed_over_and_what_is_behind_it_is_found() {
    let tree = Tree::new();
    for (name, at) in [("end", 1 << 42), ("middle", 1 << 41)] {
        let file = fs::File::create(tree.0.join(name)).unwrap();
        file.write_all_at(b"x", 0).unwrap();
        file.write_all_at(VALUE.as_bytes(), at).unwrap();
        file.set_len(1 << 43).unwrap();
    }
    let report = tree.scan();
    let expected = ["end: content, plain", "middle: content, plain"];
    assert_eq!(tree.found(&report), set(&expected));
    assert_eq!(report.findings[1].offset, 1 << 41);
}

#[test]
fn a_value_in_an_attribute_is_found_by_its_name() {
    let tree = Tree::new();
    tree.python(
        r#"
os.mkdir(tree + "/d")
open(tree + "/f", "w")
os.setxattr(tree + "/d", "user.token", b"x" + raw)
os.setxattr(tree + "/f", "user." + value, b"")
os.setxattr(tree + "/f", "user.plain", b"nothing")
"#,
    );
    let report = tree.scan();
    let expected = ["d: attribute, plain", "f: attribute, plain"];
    assert_eq!(tree.found(&report), set(&expected));
    assert_eq!(report.findings[0].shown_detail(&searcher()), b"user.token");
    assert_eq!(
        report.findings[1].shown_detail(&searcher()),
        b"user.[secret planted]"
    );
}

#[test]
fn a_value_in_gzip_is_found_in_every_member() {
    let tree = Tree::new();
    tree.python(
        r#"
write("one.gz", gzip.compress(b"x" * 300000 + raw))
write("two.gz", gzip.compress(b"nothing") + gzip.compress(raw))
write("none.gz", gzip.compress(b"nothing"))
named = bytearray(gzip.compress(raw))
named[3] = 4 + 8 + 16 + 2
write("named.gz", bytes(named[:10]) + b"\3\0abc" + b"name\0note\0" + b"hc" + bytes(named[10:]))
"#,
    );
    let report = tree.scan();
    let expected = [
        "named.gz: unpacked content, plain",
        "one.gz: unpacked content, plain",
        "two.gz: unpacked content, plain",
    ];
    assert_eq!(tree.found(&report), set(&expected));
    assert_eq!(report.counts.of(Counted::Damaged), 0);
}

#[test]
fn a_value_in_a_loose_git_object_is_found() {
    let tree = Tree::new();
    tree.python(
        r#"
for level in range(10):
    write(f".git/objects/{level:02}/abc", zlib.compress(b"blob 99\0line\n" + raw, level))
write(".git/refs/heads/" + raw.hex(), b"0" * 40)
write(".git/objects/00/cut", zlib.compress(b"blob 9\0" + b"abc" * 99)[:-8])
write(".git/objects/00/none", zlib.compress(b"blob 3\0abc"))
"#,
    );
    let report = tree.scan();
    assert_eq!(report.counts.of(Counted::Damaged), 1);
    let mut found = tree.found(&report);
    let reference = format!(".git/refs/heads/{}: name, hex", hex(VALUE));
    assert!(found.remove(&reference));
    // Level 0 stores: the value is in the file as it is, too.
    assert!(found.remove(".git/objects/00/abc: content, plain"));
    for level in 0..10 {
        let object = format!(".git/objects/{level:02}/abc: unpacked content, plain");
        assert!(found.remove(&object), "{level}");
    }
    assert!(found.is_empty(), "{found:?}");
}

fn hex(text: &str) -> String {
    let digits = text.bytes().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}

#[test]
fn a_value_in_a_pack_is_found_also_where_only_a_delta_joins_it() {
    let tree = Tree::new();
    tree.python(
        r#"
pack = Pack()
pack.blob(b"first\n" + raw)
write("whole.pack", pack.done())

# Half of the value is in the base, the other half comes with the third object.
half = len(raw) // 2
pack = Pack()
base = pack.blob(b"base " * 20)
first = pack.delta(base, append(100, raw[:half]))
pack.blob(b"between" * 1000)
pack.delta(first, append(100 + half, raw[half:]))
write("chain.pack", pack.done())

pack = Pack()
base = pack.blob(b"base " * 20)
pack.add(7, append(100, b"new"), b"\1" * 20)
pack.add(7, append(100, raw), b"\1" * 20)
write("foreign.pack", pack.done())

pack = Pack()
pack.blob(b"." * (33 << 20) + raw)
write("large.pack", pack.done())
"#,
    );
    let report = tree.scan();
    let expected = [
        "chain.pack: object of a git pack, plain",
        "foreign.pack: object of a git pack, plain",
        "large.pack: object of a git pack, plain",
        "whole.pack: object of a git pack, plain",
    ];
    assert_eq!(tree.found(&report), set(&expected));
    assert_eq!(
        report.counts.of(Counted::GitDeltas),
        2,
        "named by their hash"
    );
    assert_eq!(report.counts.of(Counted::Damaged), 0);
    assert_eq!(report.end, End::Complete);
}

#[test]
fn a_cut_or_hostile_pack_is_counted_as_damaged_and_searched_as_far_as_it_goes() {
    let tree = Tree::new();
    tree.python(
        r#"
pack = Pack()
pack.blob(raw)
pack.blob(b"second" * 100)
whole = pack.done()
write("cut.pack", whole[:-40])
write("count.pack", whole[:11] + b"\xff" + whole[12:])

pack = Pack()
pack.delta(12, append(100, raw[:4]))
write("itself.pack", pack.done())

pack = Pack()
pack.add(6, append(100, raw[:4]), b"\xff" * 30 + b"\1")
write("back.pack", pack.done())
write("kind.pack", b"PACK\0\0\0\2\0\0\0\1\x50")
write("size.pack", b"PACK\0\0\0\2\0\0\0\1" + b"\xff" * 30)
write("empty.pack", b"PACK\0\0\0\2")
"#,
    );
    let report = tree.scan();
    let expected = [
        "count.pack: object of a git pack, plain",
        "cut.pack: object of a git pack, plain",
    ];
    assert_eq!(tree.found(&report), set(&expected));
    let unopened = report.counts.of(Counted::Damaged) + report.counts.of(Counted::GitDeltas);
    assert_eq!(unopened, 7);
}

#[test]
fn what_is_not_opened_is_counted_by_its_format() {
    let tree = Tree::new();
    for (name, head) in [
        ("a.zip", &b"PK\x03\x04rest"[..]),
        ("a.xz", b"\xfd7zXZ\0rest"),
        ("a.zst", b"\x28\xb5\x2f\xfdrest"),
        ("a.bz2", b"BZh91rest"),
        ("a.7z", b"7z\xbc\xaf\x27\x1crest"),
        ("a.rar", b"Rar!\x1a\x07rest"),
        ("a.lz4", b"\x04\x22\x4d\x18rest"),
        ("a.bundle", b"# v2 git bundle\nrest"),
        ("broken.gz", b"\x1f\x8b\x08rest"),
        ("text", b"x^2 begins like zlib"),
    ] {
        tree.write(name, head);
    }
    let report = tree.scan();
    assert!(report.is_clean());
    for counted in [
        Counted::Zip,
        Counted::Xz,
        Counted::Zstd,
        Counted::Bzip2,
        Counted::SevenZip,
        Counted::Rar,
        Counted::Lz4,
        Counted::GitDeltas,
        Counted::Damaged,
    ] {
        assert_eq!(report.counts.of(counted), 1, "{}", counted.word());
        assert!(counted.is_unopened());
    }
    assert!(!Counted::Unlisted.is_unopened());
}
