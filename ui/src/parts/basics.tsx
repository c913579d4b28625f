import { Fragment, type ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ApiError } from '../api/client';
import { date, dateTime, left, utc, words, type Tone } from '../lib/format';
import { copy } from '../lib/files';
import type { Loaded } from '../lib/load';
import { to } from '../lib/router';
import { t } from '../texts';
import { Icon, type IconName } from './icons';

type Children = { children?: ComponentChildren };

/** One screen: its heading takes the focus, so that a screen reader says where one is. */
export function Page({ title, lead, actions, back, badge, narrow, children }: Children & { title: string; narrow?: boolean; lead?: ComponentChildren; actions?: ComponentChildren; back?: { href: string; text: string }; badge?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, []);
  useEffect(() => {
    document.title = `${title} · certmill`;
  }, [title]);
  return (
    <div class={narrow ? 'page narrow' : 'page'}>
      {back && (
        <a class="back" href={back.href}>
          <Icon name="left" />
          {back.text}
        </a>
      )}
      <header class="page-head">
        <div class="page-title">
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {badge}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {lead && <p class="lead">{lead}</p>}
      {children}
    </div>
  );
}

export function Card({ title, actions, children, flush }: Children & { title?: string; actions?: ComponentChildren; flush?: boolean }) {
  return (
    <section class={flush ? 'card flush' : 'card'}>
      {(title || actions) && (
        <header class="card-head">
          {title && <h2>{title}</h2>}
          {actions && <div class="actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

type ButtonProps = Children & { onClick?: () => void; kind?: 'primary' | 'danger' | 'quiet'; icon?: IconName; type?: 'button' | 'submit'; busy?: boolean; disabled?: boolean; label?: string };

export function Button({ onClick, kind, icon, type = 'button', busy, disabled, label, children }: ButtonProps) {
  return (
    <button class={`button ${kind ?? ''}`} type={type} onClick={onClick} disabled={busy || disabled} aria-busy={busy || undefined} aria-label={label}>
      {busy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

export function LinkButton({ href, kind, icon, children }: Children & { href: string; kind?: 'primary'; icon?: IconName }) {
  return (
    <a class={`button ${kind ?? ''}`} href={href}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  );
}

export function Badge({ tone = 'calm', children }: Children & { tone?: Tone }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

const TONES: Record<string, Tone> = {
  active: 'good', valid: 'good', approved: 'good', done: 'good', ok: 'good', permitted: 'good', signed: 'good', validated: 'good', delivered: 'good', waiting: 'warn', published: 'warn', propagating: 'warn', submitted: 'warn',
  pending: 'warn', processing: 'warn', running: 'warn', ready: 'warn', hold: 'warn', expired: 'bad', revoked: 'bad', rejected: 'bad', invalid: 'bad', dead: 'bad', refused: 'bad', failed: 'bad',
};

/** A state of the API's, as a word with its colour. */
export function Status({ of }: { of: string }) {
  return <Badge tone={TONES[of] ?? 'calm'}>{t.states[of] ?? of.replace(/_/g, ' ')}</Badge>;
}

export function DateOf({ at, precise }: { at: string | null | undefined; precise?: boolean }) {
  if (!at) return <span class="faint">{t.common.none}</span>;
  return (
    <time dateTime={at} title={utc(at)}>
      {precise ? dateTime(at) : date(at)}
    </time>
  );
}

/** How long something is good for yet. */
export function Left({ until, ended, bad, warn }: { until: string | null | undefined; ended?: boolean; bad?: number; warn?: number }) {
  if (ended || !until) return <span class="faint">{t.common.none}</span>;
  const { text, tone } = left(until, bad, warn);
  return (
    <span class={`left ${tone}`} title={utc(until)}>
      {text}
    </span>
  );
}

export function Copy({ text, what }: { text: string; what: string }) {
  return (
    <button class="copy" type="button" onClick={() => void copy(text)} aria-label={t.common.copyOf(what)} title={t.common.copyOf(what)}>
      <Icon name="copy" />
    </button>
  );
}

export function Code({ children, what }: { children: string; what: string }) {
  return (
    <span class="code">
      <code>{children}</code>
      <Copy text={children} what={what} />
    </span>
  );
}

/** A longer text to be read or taken along, such as PEM. */
export function Block({ children, what }: { children: string; what: string }) {
  return (
    <div class="block">
      <pre tabIndex={0} role="region" aria-label={what}>
        {children}
      </pre>
      <Copy text={children} what={what} />
    </div>
  );
}

export function Facts({ children }: Children) {
  return <dl class="facts">{children}</dl>;
}

export function Fact({ name, children }: Children & { name: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** An error in a sentence, where there is no room for more. */
export const told = (error: ApiError): string => t.errors[error.code] ?? error.message;

export function Problem({ error, retry, shown = new Set() }: { error: ApiError; retry?: () => void; shown?: Set<string> }) {
  if (error.code === 'offline') return <p class="faint">{t.connection.waiting}</p>;
  return (
    <div class="problem" role="alert">
      <Icon name="alert" />
      <div>
        <p>
          <strong>{t.errors[error.code] ?? t.errors['other']}</strong> {error.message}
        </p>
        {error.beside(shown).map(([name, text]) => (
          <p key={name}>
            {words(name)}: {text}
          </p>
        ))}
        {error.requestId && (
          <p class="faint">
            {t.common.requestId} <code>{error.requestId}</code>
          </p>
        )}
      </div>
      {retry && <Button onClick={retry}>{error.status === 412 ? t.common.anew : t.common.again}</Button>}
    </div>
  );
}

export function Empty({ title, children, action }: Children & { title: string; action?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <p>{children}</p>}
      {action && <div class="actions">{action}</div>}
    </div>
  );
}

/** What was read, or a place holder, or why there is nothing. Above what was read before: why it could not be read anew. */
export function Shown<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  if (of.error && of.data === undefined) return <Problem error={of.error} retry={of.reload} />;
  if (of.data === undefined) {
    return (
      <div class="loading" role="status">
        <span class="sr">{t.common.loading}</span>
      </div>
    );
  }
  return (
    <>
      {of.error && of.error.code !== 'offline' && <Problem error={of.error} retry={of.reload} />}
      {children(of.data)}
    </>
  );
}

/** A host name, which breaks at its dots where there is no room for it. */
export function HostName({ of }: { of: string }) {
  return (
    <>
      {of.split('.').map((label, index) => (
        <Fragment key={index}>
          {index > 0 && (
            <>
              .<wbr />
            </>
          )}
          {label}
        </Fragment>
      ))}
    </>
  );
}

export function CertificateLink({ id, children }: Children & { id: string }) {
  return <a href={to(['certificates', id])}>{children ?? id}</a>;
}

export interface Column<T> {
  head: string;
  cell: (row: T) => ComponentChildren;
  /** Left out on narrow screens. */
  wide?: boolean;
  number?: boolean;
  hiddenHead?: boolean;
  headCell?: ComponentChildren;
}

export function Table<T>({ name, columns, rows, keyOf, empty }: { name: string; columns: Column<T>[]; rows: T[]; keyOf: (row: T) => string; empty?: ComponentChildren }) {
  if (rows.length === 0 && empty) return <>{empty}</>;
  const classes = (column: Column<T>): string | undefined => [column.wide && 'wide', column.number && 'number'].filter(Boolean).join(' ') || undefined;
  return (
    <div class="table" role="region" aria-label={name} tabIndex={0}>
      <table>
        <caption class="sr">{name}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.head} scope="col" class={classes(column)}>
                {column.headCell ?? (column.hiddenHead ? <span class="sr">{column.head}</span> : column.head)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.head} class={classes(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Tabs({ label, at, choices }: { label: string; at: string; choices: { value: string; text: string; href: string }[] }) {
  return (
    <nav class="tabs" aria-label={label}>
      {choices.map(({ value, text, href }) => (
        <a key={value} href={href} aria-current={value === at ? 'page' : undefined}>
          {text}
        </a>
      ))}
    </nav>
  );
}
