//! Lists in pages that are counted from 1.

use crate::Request;

/// One page of a list.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) number: usize,
    pub(crate) size: usize,
    pub(crate) total: usize,
}

impl<T> Page<T> {
    /// The page that `page` and `per_page` (or what they are called) of a request ask for; a size beyond the most is cut.
    pub(crate) fn of(
        items: Vec<T>,
        request: &Request,
        names: (&str, &str),
        (default, most): (usize, usize),
    ) -> Self {
        let parameter = |name: &str, default: usize| {
            request
                .query(name)
                .and_then(|text| text.parse().ok())
                .filter(|number| *number > 0)
                .unwrap_or(default)
        };
        let (number, size) = (parameter(names.0, 1), parameter(names.1, default).min(most));
        let total = items.len();
        Self { items: items.into_iter().skip((number - 1) * size).take(size).collect(), number, size, total }
    }

    pub(crate) fn pages(&self) -> usize {
        self.total.div_ceil(self.size)
    }

    pub(crate) fn is_last(&self) -> bool {
        self.number >= self.pages()
    }
}
