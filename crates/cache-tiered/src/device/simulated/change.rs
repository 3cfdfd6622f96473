//! What was asked of the device and may not have reached it.

use std::collections::BTreeMap;

/// What a write to the device can not tear.
pub(super) const SECTOR: usize = 512;

#[derive(Clone, Debug)]
pub(super) enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl Change {
    pub(super) fn apply(&self, bytes: &mut Vec<u8>, mut takes: impl FnMut() -> bool) {
        match self {
            Self::SetLen(len) => {
                if takes() {
                    bytes.resize(*len, 0);
                }
            }
            Self::Write(offset, written) => {
                let mut at = 0;
                while at < written.len() {
                    let place = offset + at;
                    let sector = (SECTOR - place % SECTOR).min(written.len() - at);
                    if takes() {
                        bytes.resize(bytes.len().max(place + sector), 0);
                        bytes[place..place + sector].copy_from_slice(&written[at..at + sector]);
                    }
                    at += sector;
                }
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    /// What is read.
    pub(super) cached: Vec<u8>,
    /// What the device holds for certain.
    pub(super) durable: Vec<u8>,
    /// What it may hold besides.
    pub(super) pending: Vec<Change>,
}

pub(super) type Names = BTreeMap<String, usize>;

#[derive(Clone, Debug)]
pub(super) enum Entry {
    Create(String, usize),
    Rename(String, String),
    Delete(String),
}

impl Entry {
    pub(super) fn apply(&self, names: &mut Names, files: &Names) {
        match self {
            Self::Create(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Rename(from, to) => {
                // Durable or not, the file is the one that has the name.
                let file = names.remove(from).or_else(|| files.get(to).copied());
                if let Some(file) = file {
                    names.insert(to.clone(), file);
                }
            }
            Self::Delete(name) => {
                names.remove(name);
            }
        }
    }
}
