import { to } from '../lib/router';
import { t } from '../texts';

/** Ways to the next page and back to the first one. The pages between are the browser's history. */
export function Pager({ page, path, query }: { page: { cursor?: string | null; has_more: boolean }; path: string[]; query: URLSearchParams }) {
  const at = (cursor: string | null | undefined): string => {
    const next = new URLSearchParams(query);
    if (cursor) next.set('cursor', cursor);
    else next.delete('cursor');
    return to(path, next);
  };
  const later = query.get('cursor') !== null;
  if (!later && !page.has_more) return null;
  return (
    <nav class="pager" aria-label={t.common.pages}>
      {later ? <a href={at(null)}>{t.common.firstPage}</a> : <span />}
      {page.has_more && <a href={at(page.cursor)}>{t.common.nextPage}</a>}
    </nav>
  );
}
