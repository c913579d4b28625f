import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { onNotice } from '../lib/files';
import { to, usePlace } from '../lib/router';
import { signOut, useRights, useSession } from '../lib/session';
import { t } from '../texts';
import { Button } from './basics';
import { Icon, type IconName } from './icons';

export function Logo() {
  return (
    <span class="logo">
      <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="var(--accent-solid)" />
        <path d="M16 6.500 24 9.500v6.200c0 5-3.300 8.400-8 10.300-4.700-1.900-8-5.300-8-10.300V9.500z" fill="none" stroke="var(--on-accent)" stroke-width="2.200" stroke-linejoin="round" />
        <path d="m12.300 16 2.700 2.700 4.900-5.200" fill="none" stroke="var(--on-accent)" stroke-width="2.200" stroke-linecap="round" stroke-linejoin="round" />
      </svg>
      certmill
    </span>
  );
}

interface Entry {
  path: string;
  text: string;
  icon: IconName;
}

function entries(issue: boolean, admin: boolean): { title: string; entries: Entry[] }[] {
  const when = (right: boolean, entry: Entry): Entry[] => (right ? [entry] : []);
  return [
    {
      title: t.nav.daily,
      entries: [
        { path: '', text: t.overview.title, icon: 'overview' },
        { path: 'certificates', text: t.certificates.title, icon: 'certificate' },
        ...when(issue, { path: 'issue', text: t.issue.title, icon: 'issue' }),
        { path: 'desk', text: t.desk.title, icon: 'desk' },
      ],
    },
    {
      title: t.nav.authority,
      entries: [
        ...when(admin, { path: 'cas', text: t.cas.title, icon: 'ca' }),
        { path: 'roles', text: t.roles.title, icon: 'role' },
        { path: 'anchors', text: t.anchors.title, icon: 'anchor' },
      ],
    },
    {
      title: t.nav.acme,
      entries: [
        { path: 'orders', text: t.orders.title, icon: 'order' },
        { path: 'accounts', text: t.accounts.title, icon: 'account' },
        { path: 'dns', text: t.dns.title, icon: 'dns' },
      ],
    },
    {
      title: t.nav.operation,
      entries: [
        { path: 'events', text: t.events.title, icon: 'event' },
        ...when(admin, { path: 'webhooks', text: t.webhooks.title, icon: 'webhook' }),
        ...when(admin, { path: 'jobs', text: t.jobs.title, icon: 'job' }),
        ...when(admin, { path: 'audit', text: t.audit.title, icon: 'audit' }),
        ...when(admin, { path: 'tokens', text: t.tokens.title, icon: 'token' }),
        ...when(admin, { path: 'secrets', text: t.secrets.title, icon: 'secret' }),
      ],
    },
  ];
}

const THEMES = ['system', 'light', 'dark'] as const;

function useTheme(): { theme: (typeof THEMES)[number]; next(): void } {
  const [theme, setTheme] = useState<(typeof THEMES)[number]>('system');
  useEffect(() => {
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  return { theme, next: () => setTheme((old) => THEMES[(THEMES.indexOf(old) + 1) % THEMES.length] ?? 'system') };
}

function Notices() {
  const [text, setText] = useState('');
  useEffect(() => onNotice(setText), []);
  useEffect(() => {
    if (!text) return;
    const timer = setTimeout(() => setText(''), 5000);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div class="notices" role="status">
      {text && <p>{text}</p>}
    </div>
  );
}

function Side({ onChosen }: { onChosen: () => void }) {
  const { path } = usePlace();
  const { issue, admin } = useRights();
  const { who } = useSession();
  const { theme, next } = useTheme();
  return (
    <>
      <nav aria-label={t.nav.label}>
        {entries(issue, admin).map((group) => (
          <div key={group.title} class="nav-group">
            <h2>{group.title}</h2>
            <ul>
              {group.entries.map((entry) => (
                <li key={entry.path}>
                  <a href={to(entry.path ? [entry.path] : [])} aria-current={(path[0] ?? '') === entry.path ? 'page' : undefined} onClick={onChosen}>
                    <Icon name={entry.icon} />
                    {entry.text}
                  </a>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <div class="who">
        <p>
          <strong>{who?.token_name}</strong>
          <span class="faint">
            {who?.tenant_name} · {admin ? t.rights.admin : issue ? t.rights.issue : t.rights.read}
          </span>
        </p>
        <div class="actions start">
          <Button kind="quiet" icon="theme" onClick={next} label={t.theme.label(t.theme[theme])}>
            {t.theme[theme]}
          </Button>
          <Button kind="quiet" icon="out" onClick={signOut}>
            {t.signIn.out}
          </Button>
        </div>
      </div>
    </>
  );
}

export function Shell({ children }: { children: ComponentChildren }) {
  const [open, setOpen] = useState(false);
  const { offline } = useSession();
  const main = useRef<HTMLElement>(null);
  return (
    <div class="shell">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {t.nav.skip}
      </a>
      <header class={open ? 'side open' : 'side'}>
        <div class="side-head">
          <Logo />
          <button class="menu" type="button" aria-expanded={open} aria-controls="side" onClick={() => setOpen(!open)}>
            <Icon name={open ? 'cross' : 'menu'} />
            <span class="sr">{t.nav.menu}</span>
          </button>
        </div>
        <div class="side-body" id="side">
          <Side onChosen={() => setOpen(false)} />
        </div>
      </header>
      <main id="main" tabIndex={-1} ref={main}>
        {offline && (
          <p class="offline" role="alert">
            <Icon name="alert" />
            {t.connection.lost}
          </p>
        )}
        {children}
      </main>
      <Notices />
    </div>
  );
}
