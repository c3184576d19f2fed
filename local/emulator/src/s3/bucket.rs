//! Maps keys to files: opens them, computes their `ETag`s, lists them.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{File, Metadata},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use md5::{Digest, Md5};

/// The prefix of the names of unfinished uploads. They are not objects.
pub const UPLOAD_PREFIX: &str = ".millrace-upload-";
/// Files up to this size get the MD5 of their content as ETag, like an S3 object uploaded in one part.
const MAX_HASHED_BYTES: u64 = 16 * 1024 * 1024;
/// A file that changed this recently may change again without a new time stamp. So its hash is not cached.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// A folder, single files with their own keys, or both.
#[derive(Debug, Clone, Default)]
pub(super) struct Bucket {
    folder: Option<PathBuf>,
    files: BTreeMap<String, PathBuf>,
}

/// One open object. A file that is replaced meanwhile is still read in its old state.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) file: File,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
    pub(super) etag: String,
}

impl Bucket {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, files: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, key: &str, file: &Path) {
        self.files.insert(key.to_owned(), file.to_owned());
    }

    /// Opens the object of a key. `None` if it does not exist.
    pub(super) fn open(&self, key: &str) -> io::Result<Option<Object>> {
        let Some(path) = self.existing(key)? else { return Ok(None) };
        let file = File::open(&path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let etag = etag_of(&file, &metadata)?;
        Ok(Some(Object { file, size: metadata.len(), modified: metadata.modified()?, etag }))
    }

    /// The path for a new object with this key, inside the folder. `None` if the key does not map to a valid path.
    pub(super) fn place(&self, key: &str) -> Option<PathBuf> {
        let plain = |component| matches!(component, Component::Normal(_));
        // A trailing or doubled slash would map to the file of another key.
        let names_a_file =
            !key.is_empty() && !key.split('/').any(str::is_empty) && Path::new(key).components().all(plain);
        let dotted = key.split('/').any(|part| part == "." || part == "..");
        (names_a_file && !dotted).then(|| self.folder.as_ref().map(|folder| folder.join(key)))?
    }

    /// Removes the object of a key if it is in the folder. Files served in place belong to the user and stay.
    pub(super) fn delete(&self, key: &str) -> io::Result<()> {
        if self.files.contains_key(key) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is served in place"));
        }
        match self.existing(key)? {
            Some(path) => std::fs::remove_file(path),
            None => Ok(()),
        }
    }

    /// All keys that begin with `prefix`, in byte order.
    pub(super) fn keys(&self, prefix: &str) -> io::Result<Vec<String>> {
        let mut keys: Vec<String> = self.files.keys().filter(|key| key.starts_with(prefix)).cloned().collect();
        let mut folders: Vec<(PathBuf, String)> =
            self.folder.iter().map(|folder| (folder.clone(), String::new())).collect();
        while let Some((folder, before)) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let key = format!("{before}{name}");
                if entry.file_type()?.is_dir() {
                    let below = format!("{key}/");
                    if below.starts_with(prefix) || prefix.starts_with(&below) {
                        folders.push((entry.path(), below));
                    }
                } else if key.starts_with(prefix) && !name.starts_with(UPLOAD_PREFIX) {
                    keys.push(key);
                }
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    fn existing(&self, key: &str) -> io::Result<Option<PathBuf>> {
        if let Some(file) = self.files.get(key) {
            return Ok(file.exists().then(|| file.clone()));
        }
        let (Some(folder), Some(path)) = (&self.folder, self.place(key)) else { return Ok(None) };
        let resolved = match path.canonicalize() {
            Ok(resolved) => resolved,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        // A link may lead out of the folder.
        Ok(resolved.starts_with(folder.canonicalize()?).then_some(resolved))
    }
}

/// The ETag of a file in this S3, without quotes.
///
/// Up to 16 MiB it is the MD5 of the content, cached until size, time or inode change. For larger files, reading
/// everything for a HEAD would be too expensive. Their ETag is the MD5 of size, time and inode, followed by `-1` as
/// after a multipart upload.
///
/// # Errors
/// The file can't be read.
pub fn etag(file: &Path) -> io::Result<String> {
    let file = File::open(file)?;
    let metadata = file.metadata()?;
    etag_of(&file, &metadata)
}

/// Device, inode, size, and time of the last change in nanoseconds.
type Identity = (u64, u64, u64, i128);

fn etag_of(file: &File, metadata: &Metadata) -> io::Result<String> {
    static REMEMBERED: LazyLock<Mutex<HashMap<Identity, String>>> = LazyLock::new(Mutex::default);
    let changed = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    let identity = (metadata.dev(), metadata.ino(), metadata.len(), changed);
    if metadata.len() > MAX_HASHED_BYTES {
        return Ok(format!("{}-1", hex::encode(Md5::digest(format!("{identity:?}")))));
    }
    if let Some(etag) = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner).get(&identity) {
        return Ok(etag.clone());
    }
    let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    // The clone shares its position with the file, so every reader of the object has to seek first. Read only the known
    // size: the file may grow.
    let mut reader = file.try_clone()?;
    reader.seek(SeekFrom::Start(0))?;
    reader.take(metadata.len()).read_to_end(&mut content)?;
    let etag = hex::encode(Md5::digest(&content));
    if metadata.modified()?.elapsed().is_ok_and(|age| age > SETTLED_AFTER) {
        REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner).insert(identity, etag.clone());
    }
    Ok(etag)
}
