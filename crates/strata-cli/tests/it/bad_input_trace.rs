//! Bad traces: each is refused with the file's name and the byte, and what was good before it is given out.

use std::fs;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use strata_cli::trace::{self, Place, Request, TraceError};
use tempfile::TempDir;

use crate::traces::{gzip, oracle_general, requests_of, written, xz, zstd};

/// The requests up to the first error, and that error.
pub(crate) fn read(path: &Path) -> (Vec<Request>, Option<TraceError>) {
    let mut requests = Vec::new();
    let reader = match trace::open(path) {
        Ok(reader) => reader,
        Err(error) => return (requests, Some(error)),
    };
    for request in reader {
        match request {
            Ok(request) => requests.push(request),
            Err(error) => return (requests, Some(error)),
        }
    }
    (requests, None)
}

/// Asserts that the message is one line that begins with the file's name.
pub(crate) fn assert_tells(error: &TraceError, path: &Path) {
    let message = error.to_string();
    assert!(
        message.starts_with(&format!("{}: ", path.display())),
        "{message}"
    );
    assert!(!message.contains('\n') && message.len() < 400, "{message}");
}

/// Requests for objects that come again.
pub(crate) fn some_requests() -> Vec<Request> {
    requests_of(
        &(0..500_u64)
            .map(|i| i * i * 7_919 % 251)
            .collect::<Vec<_>>(),
    )
}

#[test]
fn a_record_cut_at_any_byte_is_told_with_that_byte() {
    let folder = TempDir::new().unwrap();
    let requests = some_requests();
    let bytes = oracle_general(&requests);
    for end in 0..=24 * 5 {
        let path = written(&folder, "cut.oracleGeneral", &bytes[..end]);
        let (got, error) = read(&path);
        assert_eq!(got, requests[..end / 24], "what is whole is given out");
        match error {
            None => assert!(end > 0 && end % 24 == 0),
            Some(error) => {
                assert_tells(&error, &path);
                match error {
                    TraceError::Empty { at, .. } => assert_eq!((end, at), (0, Place::File(0))),
                    TraceError::Truncated { at, what, .. } => {
                        assert_ne!(end % 24, 0);
                        assert_eq!(at, Place::File(end as u64));
                        assert_eq!(
                            what,
                            format!(
                                "the record at byte {} has {} of its 24 bytes",
                                end / 24 * 24,
                                end % 24
                            )
                        );
                    }
                    other => panic!("{other}"),
                }
            }
        }
    }
}

#[test]
fn an_impossible_next_position_is_told_with_its_record() {
    let folder = TempDir::new().unwrap();
    let mut bytes = oracle_general(&some_requests());
    bytes[24 * 7 + 16..][..8].copy_from_slice(&(-40_i64).to_le_bytes());
    let path = written(&folder, "bad.oracleGeneral", &bytes);
    let (got, error) = read(&path);
    assert_eq!(got.len(), 7);
    let error = error.unwrap();
    assert!(
        error
            .to_string()
            .contains("corrupt at byte 168 of the file"),
        "{error}"
    );
    // The block reader says the same, after the same requests.
    let mut reader = trace::open(&path).unwrap();
    let mut block = Vec::new();
    let again = reader.read_block(100, &mut block).unwrap_err();
    assert_eq!((block.len(), again.to_string()), (7, error.to_string()));
    assert_eq!(
        reader.read_block(100, &mut block).unwrap(),
        0,
        "nothing comes after an error"
    );
}

#[test]
fn bad_lines_are_told_with_the_byte_they_begin_at() {
    let folder = TempDir::new().unwrap();
    for (name, good, bad) in [
        ("a.lis", "1 2 0 0\n", "3 x 0 1\n"),
        ("a.lis", "1 2 0 0\n", "3 1 0\n"),
        ("a.lis", "1 2 0 0\n", "3 1 0 1 9\n"),
        ("a.lis", "1 2 0 0\n", "-3 1 0 1\n"),
        ("a.lis", "1 2 0 0\n", "18446744073709551616 1 0 1\n"),
        ("a.lis", "1 2 0 0\n", "18446744073709551615 2 0 1\n"),
        ("a.lis", "1 2 0 0\n", "3 1 0"),
        ("a.lirs", "1\n2\n", "12a\n"),
        ("a.lirs", "1\n2\n", "-1\n"),
        ("a.lirs", "1\n2\n", "1 2\n"),
        ("a.lirs", "1\n2\n", "**\n"),
        ("a.lirs", "1\n2\n", "18446744073709551616"),
        ("a.lirs", "1\n2\n", "\u{feff}3\n"),
    ] {
        let path = written(&folder, name, format!("{good}{bad}").as_bytes());
        let (got, error) = read(&path);
        let error = error.unwrap_or_else(|| panic!("{bad:?} was taken"));
        assert_eq!(got.len(), 2, "{bad:?}");
        assert_tells(&error, &path);
        assert!(
            matches!(error, TraceError::Corrupt { at: Place::File(offset), .. } if offset == good.len() as u64),
            "{bad:?}: {error}"
        );
    }
}

#[test]
fn a_line_of_2_to_the_64_blocks_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = written(
        &folder,
        "bomb.lis",
        b"1 2 0 0\n0 18446744073709551615 0 1\n",
    );
    let (got, error) = read(&path);
    assert_eq!(got.len(), 2);
    let error = error.unwrap();
    assert!(
        matches!(
            error,
            TraceError::Refused {
                at: Place::File(8),
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_line_longer_than_64_kib_is_refused() {
    let folder = TempDir::new().unwrap();
    let longest = format!("7{}\n", " ".repeat((64 << 10) - 1));
    for (line, taken) in [(longest.clone(), true), (format!(" {longest}"), false)] {
        for (name, text) in [
            ("a.lirs", format!("5\n{line}6\n")),
            ("a.lirs", format!("5\n{}", line.trim_end_matches('\n'))),
        ] {
            let path = written(&folder, name, text.as_bytes());
            let (got, error) = read(&path);
            if taken {
                assert!(error.is_none() && got.len() >= 2);
            } else {
                let error = error.unwrap();
                assert_tells(&error, &path);
                assert_eq!(got.len(), 1);
                assert!(
                    error
                        .to_string()
                        .contains("refused at byte 2 of the file: the line is longer than 64 KiB"),
                    "{error}"
                );
            }
        }
    }
}

#[test]
fn unknown_formats_and_compressions_are_named() {
    let folder = TempDir::new().unwrap();
    for content in [
        &b"<html>"[..],
        b"what,where,when\n1,2,3\n",
        b"\x7fELF\x02\x01\x01\0\0\0\0",
        &[0; 4096],
        b"1 2\n",
        b"\n\n",
        b"/index.html\n/about\n",
    ] {
        let path = written(&folder, "what.dat", content);
        let error = trace::open(&path).unwrap_err();
        assert!(matches!(error, TraceError::UnknownFormat { .. }), "{error}");
        for known in [
            "oracleGeneral",
            "arc",
            "lirs",
            "csv",
            "keys",
            "gzip",
            "zstd",
            "xz",
            "give --trace-format keys if each line is a key",
        ] {
            assert!(error.to_string().contains(known), "{error}");
        }
    }
    for (magic, name) in [(&b"BZh91AY&SY"[..], "bzip2"), (b"PK\x03\x04\x14\0", "zip")] {
        let error = trace::open(written(&folder, "a.lis", magic)).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("compressed with {name},")),
            "{error}"
        );
    }
}

#[test]
fn a_trace_without_requests_is_an_error() {
    let folder = TempDir::new().unwrap();
    for (name, content) in [
        ("a.oracleGeneral", Vec::new()),
        ("a.lis", b"\n\n".to_vec()),
        ("b.lis", b"5 0 0 0\n".to_vec()),
        ("a.lirs", b"*\n".to_vec()),
        ("a", Vec::new()),
        ("a.lirs.gz", gzip(b"")),
        ("a.lirs.zst", zstd(b"")),
        ("a.lirs.xz", xz(b"")),
        ("a.csv", Vec::new()),
        ("b.csv", b"\n\n".to_vec()),
        ("c.csv", b"key,size\n".to_vec()),
        ("d.csv", b"\xef\xbb\xbf".to_vec()),
        ("a.keys", b" \n\n".to_vec()),
    ] {
        let path = written(&folder, name, &content);
        let (got, error) = read(&path);
        assert_eq!(got, []);
        assert!(
            matches!(error, Some(TraceError::Empty { .. })),
            "{name}: {error:?}"
        );
    }
}

#[test]
fn a_missing_file_and_a_directory_are_told_apart() {
    let folder = TempDir::new().unwrap();
    let missing = trace::open(folder.path().join("none.lis")).unwrap_err();
    assert!(matches!(missing, TraceError::Open { .. }), "{missing}");
    fs::create_dir(folder.path().join("dir.lis")).unwrap();
    let directory = trace::open(folder.path().join("dir.lis")).unwrap_err();
    assert!(
        matches!(directory, TraceError::Directory { .. }),
        "{directory}"
    );
}

#[test]
fn a_name_with_a_line_end_is_shown_on_one_line() {
    let folder = TempDir::new().unwrap();
    let error = trace::open(written(&folder, "a\nb.oracleGeneral", b"123"))
        .unwrap()
        .find_map(Result::err)
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("a\\nb.oracleGeneral: truncated at byte 3"),
        "{error}"
    );
}

#[test]
fn random_bytes_are_read_or_refused_and_never_panic() {
    let folder = TempDir::new().unwrap();
    let mut random = StdRng::seed_from_u64(0x5eed);
    let heads: [&[u8]; 7] = [
        b"",
        b"\x28\xb5\x2f\xfd",
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
        b"12 3 0 0\n",
        b"*\n7\n",
        b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46\x02\0\x21\x01",
        b"key,size\n1,2\n\"",
    ];
    let mut refused = 0;
    for round in 0..600 {
        let mut bytes = heads[round % heads.len()].to_vec();
        let alphabet: &[u8] = if round % 2 == 0 {
            b"0123456789 \n*"
        } else {
            &[]
        };
        for _ in 0..random.random_range(0..200) {
            let byte: u8 = random.random();
            bytes.push(if alphabet.is_empty() {
                byte
            } else {
                alphabet[usize::from(byte) % alphabet.len()]
            });
        }
        let path = written(
            &folder,
            ["a", "a.lis", "a.lirs", "a.oracleGeneral"][round % 4],
            &bytes,
        );
        if let (_, Some(error)) = read(&path) {
            assert_tells(&error, &path);
            refused += 1;
        }
    }
    assert!(refused > 300, "most of them are refused: {refused}");
}
