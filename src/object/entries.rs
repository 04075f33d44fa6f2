//! The entries of a map, read when somebody looks at them: of long lists, most is never looked at.

use super::Node;
use super::decode::part_of;
use super::pool::Pool;
use super::scan::{Scan, without};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

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
        self.unread.is_some() && self.ready.get().is_none()
    }

    /// The text under a key, without reading all of it.
    pub(super) fn peek(&self, key: &str) -> Option<String> {
        match &self.unread {
            Some(unread) if self.is_unread() => Scan::new(&lock(&unread.text)).text_at(key),
            _ => self.iter().find(|(name, _)| &**name == key)?.1.as_str().map(str::to_owned),
        }
    }

    /// A copy to look at and to drop, without the notes on who owns which field: what is not read yet stays so here.
    pub(super) fn glance(&self) -> Entries {
        match &self.unread {
            Some(unread) if self.is_unread() => {
                without(&lock(&unread.text), "managedFields", &Arc::default()).unwrap_or_default().into()
            }
            _ => self.clone(),
        }
    }
}

impl Unread {
    fn read(&self) -> Vec<Entry> {
        let text = std::mem::take(&mut *lock(&self.text));
        match part_of(&text, &mut lock(&self.pool)) {
            Some(Node::Map(map)) => map.0.to_vec(),
            _ => Vec::new(),
        }
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Deref for Entries {
    type Target = Vec<Entry>;

    fn deref(&self) -> &Vec<Entry> {
        self.ready.get_or_init(|| self.unread.as_ref().map(|unread| unread.read()).unwrap_or_default())
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
