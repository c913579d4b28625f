import { useState } from 'preact/hooks';
import { call, type Schemas } from '../api/client';
import { Badge, Button, Card, CertificateLink, DateOf, Empty, Fact, Facts, LinkButton, Page, Shown, Status, Table, Tabs } from '../parts/basics';
import type { Ca } from '../parts/ca';
import { LiveCheck } from '../parts/check';
import { Confirm, Dialog, FormOf, LongText, Radios, Select, Text, useForm } from '../parts/form';
import { Pager } from '../parts/pager';
import { fileName, notify, save } from '../lib/files';
import { allNames, given, givenNumber, keyChoices, keyName, keyOf, several, spaced } from '../lib/format';
import { allCas, allRoles } from '../lib/lists';
import { useLoad } from '../lib/load';
import { asked, go, to, usePlace } from '../lib/router';
import { useRights } from '../lib/session';
import { t } from '../texts';

type Csr = Schemas['CsrDetail'];

const STATES = ['pending', 'approved', 'signed', 'rejected'];

export function Desk() {
  const { query } = usePlace();
  // What is asked at the desk is under no role yet.
  const { unlimited } = useRights();
  const status = asked<Schemas['CsrStatus']>(query, 'status') ?? 'pending';
  const cursor = asked(query, 'cursor');
  const list = useLoad(`desk ${status} ${cursor}`, (signal) => call('get', '/v1/pki/csr', { query: { status, limit: 50, cursor }, signal }), 0, ['csr.']);
  return (
    <Page title={t.desk.title} actions={unlimited && <LinkButton kind="primary" icon="issue" href={to(['desk', 'new'])}>{t.desk.ask}</LinkButton>}>
      <Tabs label={t.common.status} at={status} choices={STATES.map((value) => ({ value, text: t.desk.states[value] ?? value, href: to(['desk'], { status: value === 'pending' ? '' : value }) }))} />
      <Shown of={list}>
        {(page) => (
          <div class="card flush">
            <Table
              name={t.desk.title}
              rows={page.csrs}
              keyOf={(csr) => csr.id}
              empty={<Empty title={status === 'pending' ? t.desk.none : t.desk.noneOf} action={unlimited && status === 'pending' && <LinkButton href={to(['desk', 'new'])}>{t.desk.ask}</LinkButton>}>{status === 'pending' ? t.desk.noneText : undefined}</Empty>}
              columns={[
                { head: t.certificates.name, cell: (csr) => <a href={to(['desk', csr.id])}>{csr.subject.common_name ?? allNames(csr.sans)[0] ?? csr.id}</a> },
                { head: t.certificate.names, wide: true, cell: (csr) => allNames(csr.sans).slice(0, 3).join(', ') || <span class="faint">{t.common.none}</span> },
                { head: t.certificate.key, wide: true, cell: (csr) => keyName(csr.key_type, csr.key_size) },
                { head: t.desk.asked, cell: (csr) => <DateOf at={csr.created_at} precise /> },
                { head: t.common.status, wide: true, cell: (csr) => <Status of={csr.status} /> },
              ]}
            />
            <Pager page={page} path={['desk']} query={query} />
          </div>
        )}
      </Shown>
    </Page>
  );
}

export function NewCsr() {
  const form = useForm({ how: 'paste', csr_pem: '', common_name: '', organization: '', san_dns: '', san_ip: '', key: 'ec 256' }, async (values) => {
    if (values.how === 'paste') {
      const made = await call('post', '/v1/pki/csr/import', { body: { csr_pem: values.csr_pem } });
      return go(to(['desk', made.id]));
    }
    const made = await call('post', '/v1/pki/csr', {
      body: {
        subject: { common_name: values.common_name.trim(), ...(values.organization.trim() ? { organization: values.organization.trim() } : {}) },
        san_dns: several(values.san_dns),
        san_ip: several(values.san_ip),
        ...keyOf(values.key),
      },
    });
    go(to(['desk', made.id]));
  });
  return (
    <Page narrow title={t.desk.ask} lead={t.desk.askLead} back={{ href: to(['desk']), text: t.desk.title }}>
      <Card>
        <FormOf form={form} action={t.desk.ask}>
          <Radios form={form} name="how" label={t.issue.how} choices={[{ value: 'paste', text: t.issue.howCsr, hint: t.desk.pasteHint }, { value: 'make', text: t.desk.make, hint: t.desk.makeHint }]} />
          {form.v.how === 'paste' ? (
            <LongText form={form} name="csr_pem" label={t.desk.csr} rows={10} mono placeholder="-----BEGIN CERTIFICATE REQUEST-----" />
          ) : (
            <>
              <div class="row">
                <Text form={form} name="common_name" label={t.issue.name} placeholder="mail.example.internal" />
                <Text form={form} name="organization" label={t.cas.organization} optional />
              </div>
              <div class="row">
                <LongText form={form} name="san_dns" label={t.desk.hosts} rows={2} />
                <LongText form={form} name="san_ip" label={t.issue.addresses} rows={2} optional />
              </div>
              <Select form={form} name="key" label={t.certificate.key} choices={keyChoices} />
            </>
          )}
        </FormOf>
      </Card>
    </Page>
  );
}

function Asked({ of }: { of: Csr }) {
  const { requested_extensions: asked } = of;
  return (
    <Card title={t.desk.asked}>
      {of.warnings.length > 0 && (
        <ul class="warnings">
          {of.warnings.map((warning) => (
            <li key={warning.code} class="callout warn">
              {warning.message}
            </li>
          ))}
        </ul>
      )}
      <Facts>
        <Fact name={t.certificate.subject}>{spaced(of.subject_text) || t.common.none}</Fact>
        <Fact name={t.certificate.names}>{allNames(of.sans).join(', ') || t.common.none}</Fact>
        <Fact name={t.certificate.key}>{keyName(of.key_type, of.key_size)}</Fact>
        <Fact name={t.certificate.usage}>{[...asked.key_usage, ...asked.ext_key_usage, ...(asked.is_ca ? ['CA'] : [])].join(', ') || t.common.none}</Fact>
        <Fact name={t.desk.keyIs}>{of.has_private_key ? t.desk.keyHere : t.desk.keyThere}</Fact>
        <Fact name={t.desk.received}>
          <DateOf at={of.created_at} precise />
        </Fact>
        {of.renewal_of && (
          <Fact name={t.desk.replaces}>
            <CertificateLink id={of.renewal_of} />
          </Fact>
        )}
        {of.rejection_reason && <Fact name={t.desk.rejection}>{of.rejection_reason}</Fact>}
        {of.certificate_id && (
          <Fact name={t.certificate.one}>
            <CertificateLink id={of.certificate_id} />
          </Fact>
        )}
      </Facts>
      <div class="actions start">
        <Button kind="quiet" icon="download" onClick={() => save(`${fileName(of.subject.common_name ?? of.id)}.csr`, of.csr_pem)}>{t.desk.csr}</Button>
      </div>
    </Card>
  );
}

/** The role whose domains the name lies in: the first choice, which a person may change. */
function likelyRole(of: Csr, roles: Schemas['Role'][]): Schemas['Role'] | undefined {
  const names = [of.subject.common_name ?? '', ...of.sans.dns].filter(Boolean);
  const within = (name: string, domain: string): boolean => name === domain || name.endsWith(`.${domain.replace(/^\*\./, '')}`);
  return roles.find((role) => names.length > 0 && names.every((name) => role.allowed_domains.some((domain) => within(name, domain))));
}

/** What would come of it: under a role by the role's rules, without one as it was asked. */
function Decide({ of, cas, roles, reload }: { of: Csr; cas: Ca[]; roles: Schemas['Role'][]; reload: () => void }) {
  const [rejecting, setRejecting] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const living = cas.filter((ca) => ca.status === 'active');
  const likely = likelyRole(of, roles.filter((role) => living.some((ca) => ca.id === role.ca_id)));
  const preferred = likely?.ca_id ?? living.find((ca) => ca.ca_type === 'intermediate')?.id ?? living[0]?.id ?? '';
  const form = useForm({ ca_id: preferred, role: likely?.name ?? '', validity_days: '' }, async (values) => {
    if (of.status === 'pending') {
      await call('post', '/v1/pki/csr/{id}/approve', { path: { id: of.id } });
      notify(t.desk.approvedNow);
      return reload();
    }
    const made = await call('post', '/v1/pki/csr/{id}/sign', {
      path: { id: of.id },
      body: { ca_id: values.ca_id, role: given(values.role), validity_days: givenNumber(values.validity_days) },
    });
    notify(t.desk.signedNow);
    go(to(['certificates', made.certificate_id]));
  });
  const fitting = roles.filter((role) => role.ca_id === form.v.ca_id);
  const role = fitting.some(({ name }) => name === form.v.role) ? form.v.role : '';
  const days = form.v.validity_days.trim();
  return (
    <Card title={t.desk.would}>
      <FormOf
        form={form}
        action={of.status === 'pending' ? t.desk.approve : t.desk.sign}
        more={
          <>
            <Button onClick={() => setRejecting(true)}>{t.desk.reject}</Button>
            <Button kind="quiet" onClick={() => setDeleting(true)}>{t.common.remove}</Button>
          </>
        }
      >
        <div class="row three">
          <Select form={form} name="ca_id" label={t.certificate.ca} choices={living.map((ca) => ({ value: ca.id, text: ca.name }))} />
          <Select form={{ ...form, v: { ...form.v, role } }} name="role" label={t.certificates.role} choices={[{ value: '', text: t.desk.noRole }, ...fitting.map(({ name }) => ({ value: name, text: name }))]} />
          <Text form={form} name="validity_days" label={t.cas.days} placeholder={role ? '' : '365'} optional />
        </div>
        {role ? <LiveCheck role={role} request={{ csr_pem: of.csr_pem, ttl: days ? `${days}d` : undefined }} wish={{ subject: of.subject_text, names: allNames(of.sans) }} brief /> : <p class="callout">{t.desk.withoutRole}</p>}
        <p class="hint">{of.status === 'pending' ? t.desk.pendingHint : t.desk.approvedHint}</p>
      </FormOf>
      {rejecting && <Reject of={of} onClose={() => setRejecting(false)} onDone={reload} />}
      {deleting && (
        <Confirm
          title={t.desk.removeTitle}
          action={t.common.remove}
          onClose={() => setDeleting(false)}
          send={async () => {
            await call('delete', '/v1/pki/csr/{id}', { path: { id: of.id } });
            go(to(['desk']));
          }}
        >
          <p>{t.desk.removeText}</p>
        </Confirm>
      )}
    </Card>
  );
}

function Reject({ of, onClose, onDone }: { of: Csr; onClose: () => void; onDone: () => void }) {
  const form = useForm({ reason: '' }, async ({ reason }) => {
    await call('post', '/v1/pki/csr/{id}/reject', { path: { id: of.id }, body: { reason } });
    notify(t.desk.rejectedNow);
    onDone();
    onClose();
  });
  return (
    <Dialog title={t.desk.reject} onClose={onClose}>
      <FormOf form={form} action={t.desk.reject} kind="danger" more={<Button onClick={onClose}>{t.common.cancel}</Button>}>
        <LongText form={form} name="reason" label={t.revoke.reason} hint={t.desk.reasonHint} rows={3} />
      </FormOf>
    </Dialog>
  );
}

export function OneCsr({ id }: { id: string }) {
  const { admin } = useRights();
  const data = useLoad(`csr ${id} ${admin}`, async (signal) => ({
    csr: await call('get', '/v1/pki/csr/{id}', { path: { id }, signal }),
    cas: admin ? await allCas(signal) : [],
    roles: await allRoles(signal),
  }), 0, [id]);
  return (
    <Shown of={data}>
      {({ csr, cas, roles }) => (
        <Page title={csr.subject.common_name ?? allNames(csr.sans)[0] ?? csr.id} back={{ href: to(['desk']), text: t.desk.title }} badge={<><Status of={csr.status} />{csr.warnings.length > 0 && <Badge tone="warn">{t.desk.warned(csr.warnings.length)}</Badge>}</>}>
          <div class="columns even">
            <Asked of={csr} />
            {admin && ['pending', 'approved'].includes(csr.status) && <Decide key={csr.status} of={csr} cas={cas} roles={roles} reload={data.reload} />}
          </div>
        </Page>
      )}
    </Shown>
  );
}
