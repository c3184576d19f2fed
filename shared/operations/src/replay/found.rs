//! The objects that a `recreate` would replay.
//!
//! In: listed objects of the dataset. Out: how many of them can contain the events of a time, and the reason to delete
//! nothing if some of them cannot be read. Pure.

use delivery::aws::objects::Listed;

/// The objects that were found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ObjectsFound {
    /// The write time of each, in milliseconds since 1970.
    pub written_ms: Vec<i64>,
    /// Their total size.
    pub bytes: u64,
    /// The number of archived objects, which are in neither of the above.
    pub archived: u64,
    /// The first of the archived objects.
    pub first_archived: Option<String>,
}

impl ObjectsFound {
    /// Adds an object of a bucket.
    pub(super) fn add(&mut self, bucket: &str, object: &Listed) {
        if object.is_archived {
            self.archived += 1;
            self.first_archived.get_or_insert_with(|| format!("s3://{bucket}/{}", object.key));
            return;
        }
        self.written_ms.push(object.last_modified_ms);
        self.bytes += object.size;
    }

    /// How many were written at or after a time. The times must be sorted ([`Self::sort`]).
    pub(super) fn since(&self, since_ms: i64) -> u64 {
        (self.written_ms.len() - self.written_ms.partition_point(|written| *written < since_ms)) as u64
    }

    /// Sorts the write times. Call it before [`Self::since`].
    pub(super) fn sort(&mut self) {
        self.written_ms.sort_unstable();
    }

    /// The reason to delete nothing: the replay could not bring the events of archived objects again.
    pub(super) fn refusal(&self) -> Option<String> {
        let first = self.first_archived.as_ref()?;
        Some(format!(
            "{} objects are archived and cannot be read, the first is {first}: their events would be lost. Restore the \
             objects, or choose later indices by `since`",
            self.archived
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archived_object_brings_nothing_and_is_a_reason_to_delete_nothing() {
        let listed = |key: &str, is_archived| Listed {
            key: key.into(),
            etag: "e".into(),
            size: 3,
            last_modified_ms: 5,
            is_archived,
        };
        let mut found = ObjectsFound::default();
        found.add("logs", &listed("a", false));
        assert_eq!(found.refusal(), None);
        found.add("logs", &listed("b", true));
        found.add("logs", &listed("c", true));
        assert_eq!((found.since(0), found.bytes, found.archived), (1, 3, 2));
        let refusal = found.refusal().unwrap();
        assert!(refusal.starts_with("2 objects are archived") && refusal.contains("s3://logs/b:"), "{refusal}");
    }
}
