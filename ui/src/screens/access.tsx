import { useState } from 'preact/hooks';
import { call, type Schemas } from '../api/client';
import { Badge, Block, Button, DateOf, Empty, Left, Page, Shown, Status, Table } from '../parts/basics';
import { Confirm, Dialog, FormOf, LongText, Select, Text, useForm } from '../parts/form';
import { Pager } from '../parts/pager';
import { notify } from '../lib/files';
import { given, several } from '../lib/format';
import { useLoad } from '../lib/load';
import { asked, to, usePlace } from '../lib/router';
import { useSession } from '../lib/session';
import { t } from '../texts';

const SCOPES = ['pki:read', 'pki:issue', 'pki:admin'] as const;
type Scope = (typeof SCOPES)[number];

function NewToken({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const [made, setMade] = useState<Schemas['CreatedToken']>();
  const form = useForm<{ scope: Scope } & Record<'name' | 'ttl' | 'networks' | 'roles', string>>({ name: '', scope: 'pki:read', ttl: '90d', networks: '', roles: '' }, async (values) => {
    const answer = await call('post', '/v1/tokens', {
      body: {
        name: values.name.trim(),
        scopes: [values.scope],
        ttl: given(values.ttl),
        networks: values.networks.trim() ? several(values.networks) : undefined,
        // The field is shown for this scope alone: what was written before another was chosen is not meant.
        roles: values.scope === 'pki:issue' && values.roles.trim() ? several(values.roles) : undefined,
      },
    });
    setMade(answer);
    onDone();
  });
  return (
    <Dialog title={made ? t.tokens.made : t.tokens.create} onClose={onClose}>
      {made ? (
        <>
          <p class="callout warn">{t.tokens.once}</p>
          <Block what={t.tokens.one}>{made.token}</Block>
          <Button onClick={onClose}>{t.common.close}</Button>
        </>
      ) : (
        <FormOf form={form} action={t.tokens.create} more={<Button onClick={onClose}>{t.common.cancel}</Button>}>
          <Text form={form} name="name" label={t.tokens.name} placeholder="deploy" />
          <Select form={form} name="scope" label={t.tokens.scope} choices={SCOPES.map((value) => ({ value, text: t.tokens.scopes[value] ?? value }))} />
          <Text form={form} name="ttl" label={t.tokens.ttl} hint={t.tokens.ttlHint} optional />
          <LongText form={form} name="networks" label={t.tokens.networks} rows={2} placeholder="10.0.0.0/8" optional />
          {form.v.scope === 'pki:issue' && <Text form={form} name="roles" label={t.tokens.roles} hint={t.tokens.rolesHint} optional />}
        </FormOf>
      )}
    </Dialog>
  );
}

export function Tokens() {
  const { query } = usePlace();
  const { who } = useSession();
  const cursor = asked(query, 'cursor');
  const list = useLoad(`tokens ${cursor}`, (signal) => call('get', '/v1/tokens', { query: { limit: 100, cursor }, signal }), 0, ['token.']);
  const [adding, setAdding] = useState(false);
  const [ending, setEnding] = useState<Schemas['Token']>();
  return (
    <Page title={t.tokens.title} actions={<Button kind="primary" icon="issue" onClick={() => setAdding(true)}>{t.tokens.create}</Button>}>
      <Shown of={list}>
        {(page) => (
          <div class="card flush">
            <Table
              name={t.tokens.title}
              rows={page.tokens}
              keyOf={(token) => token.id}
              columns={[
                { head: t.tokens.name, cell: (token) => <>{token.name} {token.id === who?.token_id && <Badge>{t.tokens.yours}</Badge>}</> },
                { head: t.tokens.scope, cell: (token) => <>{token.scopes.map((scope) => t.tokens.scopes[scope] ?? scope).join(', ')}{token.roles && <span class="faint"> · {token.roles.join(', ')}</span>}</> },
                { head: t.tokens.networks, wide: true, cell: (token) => token.networks?.join(', ') ?? <span class="faint">{t.tokens.everywhere}</span> },
                { head: t.tokens.used, wide: true, cell: (token) => <DateOf at={token.last_used_at} precise /> },
                { head: t.certificates.ends, wide: true, cell: (token) => (token.expires_at ? <Left until={token.expires_at} ended={!!token.revoked_at} /> : <span class="faint">{t.tokens.never}</span>) },
                { head: t.common.actions, hiddenHead: true, cell: (token) => (token.revoked_at ? <Status of="revoked" /> : token.id === who?.token_id ? '' : <Button kind="quiet" onClick={() => setEnding(token)} label={t.tokens.revokeOf(token.name)}>{t.revoke.action}</Button>) },
              ]}
            />
            <Pager page={page} path={['tokens']} query={query} />
          </div>
        )}
      </Shown>
      {adding && <NewToken onClose={() => setAdding(false)} onDone={list.reload} />}
      {ending && (
        <Confirm
          title={t.tokens.revokeTitle(ending.name)}
          action={t.revoke.action}
          onClose={() => setEnding(undefined)}
          send={async () => {
            await call('delete', '/v1/tokens/{id}', { path: { id: ending.id } });
            list.reload();
          }}
        >
          <p>{t.tokens.revokeText}</p>
        </Confirm>
      )}
    </Page>
  );
}

function PutSecret({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const form = useForm({ path: '', kind: 'json', data: '' }, async (values) => {
    const data: Record<string, unknown> = values.kind === 'json' ? JSON.parse(values.data) : { value: values.data };
    await call('put', '/v1/secrets/{path}', { path: { path: values.path.trim() }, body: { data, secret_type: values.kind === 'text' ? 'text' : undefined } });
    notify(t.common.saved);
    onDone();
    onClose();
  });
  return (
    <Dialog title={t.secrets.create} onClose={onClose}>
      <FormOf form={form} action={t.common.save} more={<Button onClick={onClose}>{t.common.cancel}</Button>}>
        <Text form={form} name="path" label={t.secrets.path} placeholder="dns/cloudflare" mono hint={t.secrets.pathHint} />
        <Select form={form} name="kind" label={t.secrets.kind} choices={[{ value: 'json', text: t.secrets.json }, { value: 'text', text: t.secrets.text }]} />
        <LongText form={form} name="data" label={t.secrets.value} rows={4} mono placeholder={form.v.kind === 'json' ? '{"api_token": "…"}' : ''} />
      </FormOf>
    </Dialog>
  );
}

export function Secrets() {
  const { query } = usePlace();
  const cursor = asked(query, 'cursor');
  const list = useLoad(`secrets ${cursor}`, (signal) => call('get', '/v1/secrets', { query: { limit: 100, cursor }, signal }));
  const [adding, setAdding] = useState(false);
  const [ending, setEnding] = useState<string>();
  return (
    <Page title={t.secrets.title} lead={t.secrets.lead} actions={<Button kind="primary" icon="issue" onClick={() => setAdding(true)}>{t.secrets.create}</Button>}>
      <Shown of={list}>
        {(page) => (
          <div class="card flush">
            <Table
              name={t.secrets.title}
              rows={page.secrets}
              keyOf={(secret) => secret.path}
              empty={<Empty title={t.secrets.none}>{t.secrets.noneText}</Empty>}
              columns={[
                { head: t.secrets.path, cell: (secret) => <code>{secret.path}</code> },
                { head: t.secrets.kind, wide: true, cell: (secret) => secret.secret_type },
                { head: t.secrets.version, number: true, cell: (secret) => secret.version },
                { head: t.secrets.changed, wide: true, cell: (secret) => <DateOf at={secret.updated_at} precise /> },
                { head: t.common.actions, hiddenHead: true, cell: (secret) => <Button kind="quiet" onClick={() => setEnding(secret.path)} label={t.secrets.removeOf(secret.path)}>{t.common.remove}</Button> },
              ]}
            />
            <Pager page={page} path={['secrets']} query={query} />
          </div>
        )}
      </Shown>
      {adding && <PutSecret onClose={() => setAdding(false)} onDone={list.reload} />}
      {ending && (
        <Confirm
          title={t.secrets.removeOf(ending)}
          action={t.common.remove}
          onClose={() => setEnding(undefined)}
          send={async () => {
            await call('delete', '/v1/secrets/{path}', { path: { path: ending } });
            list.reload();
          }}
        >
          <p>{t.secrets.removeText}</p>
        </Confirm>
      )}
    </Page>
  );
}

function NewAnchor({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const form = useForm({ name: '', certificate_pem: '' }, async (values) => {
    await call('post', '/v1/pki/trust-anchors', { body: values });
    notify(t.common.saved);
    onDone();
    onClose();
  });
  return (
    <Dialog title={t.anchors.create} onClose={onClose}>
      <FormOf form={form} action={t.anchors.create} more={<Button onClick={onClose}>{t.common.cancel}</Button>}>
        <Text form={form} name="name" label={t.cas.name} />
        <LongText form={form} name="certificate_pem" label={t.certificate.one} rows={8} mono placeholder="-----BEGIN CERTIFICATE-----" />
      </FormOf>
    </Dialog>
  );
}

export function Anchors({ admin }: { admin: boolean }) {
  const { query } = usePlace();
  const cursor = asked(query, 'cursor');
  const list = useLoad(`anchors ${cursor}`, (signal) => call('get', '/v1/pki/trust-anchors', { query: { limit: 100, cursor }, signal }));
  const [adding, setAdding] = useState(false);
  const [ending, setEnding] = useState<Schemas['TrustAnchor']>();
  return (
    <Page title={t.anchors.title} lead={t.anchors.lead} actions={admin && <Button kind="primary" icon="issue" onClick={() => setAdding(true)}>{t.anchors.create}</Button>}>
      <Shown of={list}>
        {(page) => (
          <div class="card flush">
            <Table
              name={t.anchors.title}
              rows={page.trust_anchors}
              keyOf={(anchor) => anchor.id}
              empty={<Empty title={t.anchors.none}>{t.anchors.noneText}</Empty>}
              columns={[
                { head: t.cas.name, cell: (anchor) => anchor.name },
                { head: t.certificate.subject, wide: true, cell: (anchor) => anchor.subject },
                { head: t.certificate.fingerprint, wide: true, cell: (anchor) => <code class="id" title={anchor.fingerprint_sha256}>{anchor.fingerprint_sha256}</code> },
                { head: t.certificates.left, cell: (anchor) => <Left until={anchor.not_after} /> },
                ...(admin ? [{ head: t.common.actions, hiddenHead: true, cell: (anchor: Schemas['TrustAnchor']) => <Button kind="quiet" onClick={() => setEnding(anchor)}>{t.common.remove}</Button> }] : []),
              ]}
            />
            <Pager page={page} path={['anchors']} query={query} />
          </div>
        )}
      </Shown>
      {adding && <NewAnchor onClose={() => setAdding(false)} onDone={list.reload} />}
      {ending && (
        <Confirm
          title={t.anchors.removeTitle(ending.name)}
          action={t.common.remove}
          onClose={() => setEnding(undefined)}
          send={async () => {
            await call('delete', '/v1/pki/trust-anchors/{id}', { path: { id: ending.id } });
            list.reload();
          }}
        >
          <p>{t.anchors.removeText}</p>
        </Confirm>
      )}
    </Page>
  );
}

/** A place that this page does not have. */
export function Nowhere() {
  return (
    <Page title={t.nowhere.title}>
      <Empty title={t.nowhere.text} action={<a class="button" href={to([])}>{t.overview.title}</a>} />
    </Page>
  );
}
