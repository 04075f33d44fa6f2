//! The entries of a map, read when somebody looks at them: of long lists, most is never looked at.

use super::Node;
use super::pool::Pool;
use super::scan::{Scan, entries};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

type Entry = (Arc<str>, Node);

/// The entries of a map, in order.
#[derive(Default)]
pub struct Entries {
    ready: OnceLock<Vec<Entry>>,
    unread: Option<Box<Unread>>,
}

/// JSON of a map that is known to be whole.
struct Unread {
    /// Gone once it is read.
    text: Mutex<Box<str>>,
    /// What its neighbours are read with.
    pool: Arc<Mutex<Pool>>,
}

impl Entries {
    /// The entries in the JSON of a map, which has been checked.
    pub(super) fn unread(text: &str, pool: &Arc<Mutex<Pool>>) -> Entries {
        let unread = Unread { text: Mutex::new(text.into()), pool: pool.clone() };
        Entries { ready: OnceLock::new(), unread: Some(Box::new(unread)) }
    }

    /// Whether nobody has looked at them yet.
    pub fn is_unread(&self) -> bool {
        self.text().is_some()
    }

    /// The text that is not read yet. That of a map is never empty.
    fn text(&self) -> Option<MutexGuard<'_, Box<str>>> {
        let text = lock(&self.unread.as_ref()?.text);
        (!text.is_empty()).then_some(text)
    }

    /// The text under a key, without reading all of it.
    pub(super) fn peek(&self, key: &str) -> Option<String> {
        if let Some(text) = self.text() {
            return Scan::new(&text).text_at(key);
        }
        self.iter().find(|(name, _)| &**name == key)?.1.as_str().map(str::to_owned)
    }

    /// A copy to look at and to drop: what is not read yet stays so here.
    pub(super) fn glance(&self) -> Entries {
        if let Some(text) = self.text() {
            return read(&text, &Arc::default()).into();
        }
        self.clone()
    }
}

/// What cannot be read, although it was checked, is deeper than anybody writes it.
fn read(text: &str, pool: &Arc<Mutex<Pool>>) -> Vec<Entry> {
    entries(text, pool).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Deref for Entries {
    type Target = Vec<Entry>;

    fn deref(&self) -> &Vec<Entry> {
        let text = |unread: &Unread| std::mem::take(&mut *lock(&unread.text));
        let first = || self.unread.as_ref().map(|unread| read(&text(unread), &unread.pool)).unwrap_or_default();
        self.ready.get_or_init(first)
    }
}

impl DerefMut for Entries {
    fn deref_mut(&mut self) -> &mut Vec<Entry> {
        if self.ready.get().is_none() {
            let read = self.to_vec();
            self.ready = OnceLock::from(read);
        }
        self.unread = None;
        // It has just been filled.
        self.ready.get_mut().unwrap_or_else(|| unreachable!("entries that were read"))
    }
}

impl Clone for Entries {
    fn clone(&self) -> Entries {
        self.to_vec().into()
    }
}

impl From<Vec<Entry>> for Entries {
    fn from(entries: Vec<Entry>) -> Entries {
        Entries { ready: OnceLock::from(entries), unread: None }
    }
}

impl FromIterator<Entry> for Entries {
    fn from_iter<T: IntoIterator<Item = Entry>>(entries: T) -> Entries {
        entries.into_iter().collect::<Vec<_>>().into()
    }
}

impl std::fmt::Debug for Entries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}
