//! The objects of a listing.

use aws_sdk_s3::types::{Object, ObjectStorageClass, RestoreStatus};

/// An object of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// The key, decoded.
    pub key: String,
    /// The entity tag without quotes.
    pub etag: String,
    /// Its stored length in bytes.
    pub size: u64,
    /// S3's `LastModified`, in milliseconds since the epoch.
    pub last_modified_ms: i64,
    /// Whether it is archived and not restored, so that it cannot be read. A listing does not say so of an object in an
    /// archive tier of `INTELLIGENT_TIERING`.
    pub is_archived: bool,
    /// When the restored copy of an archived object expires, in milliseconds since the epoch. Then the object is archived
    /// again. `None` if it is no such copy.
    pub restored_until_ms: Option<i64>,
    /// Whether it is in `INTELLIGENT_TIERING`, and so perhaps in an archive tier.
    pub is_tiered: bool,
}

/// A part of a listing, in the order of the keys' UTF-8 bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// At most 1,000.
    pub objects: Vec<Listed>,
    /// The `start_after` of the next page: the last key of this one. `None` if this is the last page.
    pub next: Option<String>,
}

pub(super) fn listed(object: &Object) -> Option<Listed> {
    // `encoding-type=url` writes a space as `+` and a plus as `%2B`.
    let key = object.key()?.replace('+', " ");
    let expiry = object.restore_status().and_then(RestoreStatus::restore_expiry_date);
    Some(Listed {
        key: percent_encoding::percent_decode_str(&key).decode_utf8_lossy().into_owned(),
        etag: object.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
        size: object.size().and_then(|size| size.try_into().ok()).unwrap_or_default(),
        last_modified_ms: object.last_modified().and_then(|at| at.to_millis().ok()).unwrap_or_default(),
        is_archived: is_archived(object),
        restored_until_ms: expiry.and_then(|at| at.to_millis().ok()),
        is_tiered: matches!(object.storage_class(), Some(ObjectStorageClass::IntelligentTiering)),
    })
}

/// A restoration in progress is one of an archived object, whatever its storage class.
fn is_archived(object: &Object) -> bool {
    match object.restore_status().and_then(RestoreStatus::is_restore_in_progress) {
        Some(is_in_progress) => is_in_progress,
        None => matches!(object.storage_class(), Some(ObjectStorageClass::Glacier | ObjectStorageClass::DeepArchive)),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::primitives::DateTime;

    use super::*;

    #[test]
    fn listed_keys_are_decoded() {
        for (encoded, key) in [
            ("a+b.json", "a b.json"),
            ("a%2Bb", "a+b"),
            ("dt%3D2026-11-22/%C3%A9.gz", "dt=2026-11-22/é.gz"),
            ("a%0Ab", "a\nb"),
        ] {
            let object = Object::builder().key(encoded).e_tag("\"e\"").size(7).build();
            let expected = Listed { key: key.into(), etag: "e".into(), size: 7, ..Listed::default() };
            assert_eq!(listed(&object), Some(expected));
        }
    }

    #[test]
    fn a_restored_copy_says_until_when_it_can_be_read() {
        let status = RestoreStatus::builder().is_restore_in_progress(false).restore_expiry_date(DateTime::from_secs(7));
        let copy = Object::builder().key("k").storage_class(ObjectStorageClass::Glacier).restore_status(status.build());
        let copy = listed(&copy.build()).unwrap();
        assert_eq!((copy.is_archived, copy.restored_until_ms, copy.is_tiered), (false, Some(7_000), false));
        let tiered = Object::builder().key("k").storage_class(ObjectStorageClass::IntelligentTiering).build();
        let tiered = listed(&tiered).unwrap();
        assert_eq!((tiered.is_archived, tiered.restored_until_ms, tiered.is_tiered), (false, None, true));
    }

    #[test]
    fn an_object_is_archived_by_its_class_until_it_is_restored() {
        for (class, in_progress, expected) in [
            (None, None, false),
            (Some("STANDARD"), None, false),
            (Some("GLACIER_IR"), None, false),
            (Some("INTELLIGENT_TIERING"), None, false),
            (Some("A_CLASS_OF_TOMORROW"), None, false),
            (Some("GLACIER"), None, true),
            (Some("DEEP_ARCHIVE"), None, true),
            (Some("GLACIER"), Some(true), true),
            (Some("INTELLIGENT_TIERING"), Some(true), true),
            (Some("GLACIER"), Some(false), false),
            (Some("DEEP_ARCHIVE"), Some(false), false),
        ] {
            let status = in_progress.map(|now| RestoreStatus::builder().is_restore_in_progress(now).build());
            let object = Object::builder().key("k").set_storage_class(class.map(Into::into));
            let object = object.set_restore_status(status).build();
            assert_eq!(is_archived(&object), expected, "{class:?} {in_progress:?}");
        }
    }
}
