import { useRef, useState } from 'preact/hooks';
import { call, type Request, type Schemas } from '../api/client';
import { Button, Card, Empty, LinkButton, Page, Shown } from '../parts/basics';
import { CaName } from '../parts/ca';
import { Issued } from '../parts/certificate';
import { LiveCheck } from '../parts/check';
import { FormOf, LongText, Radios, Text, useForm } from '../parts/form';
import { given, keyName, several } from '../lib/format';
import { allRoles } from '../lib/lists';
import { useLoad } from '../lib/load';
import { go, to, usePlace } from '../lib/router';
import { useRights } from '../lib/session';
import { t } from '../texts';

type Role = Schemas['Role'];

const domains = (role: Role): string => (role.allow_any_name ? t.roles.anyName : role.allowed_domains.slice(0, 4).join(', ') || t.roles.noDomains);

function ChooseRole({ roles }: { roles: Role[] }) {
  return (
    <>
      <p class="lead">{t.issue.chooseRole}</p>
      <ul class="choices">
        {roles.map((role) => (
          <li key={role.name}>
            <a href={to(['issue', role.name])}>
              <strong>{role.name}</strong>
              <span>{domains(role)}</span>
              <span class="faint">
                <CaName id={role.ca_id} plain /> · {role.key_type === 'any' ? t.roles.anyKey : keyName(role.key_type, role.key_bits || (role.key_type === 'rsa' ? 2048 : 256))} · {t.roles.upTo(role.max_ttl)}
              </span>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

/** The fields of the form as the API takes them. */
interface Values {
  how: 'key' | 'csr';
  common_name: string;
  alt_names: string;
  ip_sans: string;
  ttl: string;
  csr_pem: string;
}

function names(values: Values) {
  const alt = several(values.alt_names);
  const ips = several(values.ip_sans);
  return { common_name: given(values.common_name), alt_names: alt.length ? alt : undefined, ip_sans: ips.length ? ips : undefined, ttl: given(values.ttl) };
}

const request = (values: Values): Request<'CheckRoleRequest'> => (values.how === 'csr' ? { csr_pem: values.csr_pem, ttl: given(values.ttl) } : names(values));

function Ask({ role, onMade }: { role: Role; onMade: (made: Schemas['IssuedCertificate'], name: string) => void }) {
  const form = useForm<Values & Record<string, string>>({ how: 'key', common_name: '', alt_names: '', ip_sans: '', ttl: '', csr_pem: '' }, async (values) => {
    const made =
      values.how === 'csr'
        ? await call('post', '/v1/pki/sign/{role}', { path: { role: role.name }, body: { csr_pem: values.csr_pem, ttl: given(values.ttl) } })
        : await call('post', '/v1/pki/issue/{role}', { path: { role: role.name }, body: names(values) });
    onMade(made, values.common_name.trim() || role.name);
  });
  const { v } = form;
  const begun = v.how === 'csr' ? v.csr_pem.includes('-----END') : v.common_name.trim() !== '' || v.alt_names.trim() !== '';
  return (
    <div class="columns even">
      <Card>
        <FormOf form={form} action={t.issue.action}>
          <Radios form={form} name="how" label={t.issue.how} choices={[{ value: 'key', text: t.issue.howKey, hint: t.issue.howKeyHint }, { value: 'csr', text: t.issue.howCsr, hint: t.issue.howCsrHint }]} />
          {v.how === 'csr' ? (
            <LongText form={form} name="csr_pem" label={t.desk.csr} rows={9} mono placeholder="-----BEGIN CERTIFICATE REQUEST-----" />
          ) : (
            <>
              <Text form={form} name="common_name" label={t.issue.name} placeholder={role.allowed_domains[0] ? `www.${role.allowed_domains[0].replace(/^\*\./, '')}` : 'www.example.internal'} />
              <LongText form={form} name="alt_names" label={t.issue.more} rows={2} hint={t.issue.moreHint} optional />
              {role.allow_ip_sans && <Text form={form} name="ip_sans" label={t.issue.addresses} optional />}
            </>
          )}
          <Text form={form} name="ttl" label={t.issue.ttl} placeholder={role.ttl} hint={t.issue.ttlLimit(role.ttl, role.max_ttl)} optional />
        </FormOf>
      </Card>
      <Card title={t.issue.preview}>{begun ? <LiveCheck role={role.name} request={request(v)} brief /> : <p class="faint">{t.issue.previewEmpty}</p>}</Card>
    </div>
  );
}

function Under({ role }: { role: Role }) {
  const [made, setMade] = useState<{ certificate: Schemas['IssuedCertificate']; name: string }>();
  if (made) {
    return (
      <Page narrow key="made" title={t.issue.made(made.name)} back={{ href: to(['issue']), text: t.issue.title }}>
        <Card>
          <Issued of={made.certificate} name={made.name} stored={role.store_private_keys && made.certificate.private_key != null} />
        </Card>
        <div class="actions start">
          <LinkButton href={to(['certificates', made.certificate.certificate_id])}>{t.issue.see}</LinkButton>
          <Button onClick={() => setMade(undefined)}>{t.issue.another}</Button>
        </div>
      </Page>
    );
  }
  return (
    <Page key="ask" title={t.issue.under(role.name)} back={{ href: to(['issue']), text: t.issue.otherRole }}>
      <Ask role={role} onMade={(certificate, name) => setMade({ certificate, name })} />
    </Page>
  );
}

export function Issue({ role }: { role?: string | undefined }) {
  const { admin, mayIssueUnder } = useRights();
  const { path } = usePlace();
  const roles = useLoad('roles', async (signal) => (await allRoles(signal)).filter(({ name }) => mayIssueUnder(name)));
  // A role that is gone meanwhile takes no key along that is shown once.
  const last = useRef<Role | undefined>(undefined);
  const chosen = roles.data?.find(({ name }) => name === role) ?? (last.current?.name === role ? last.current : undefined);
  last.current = chosen;
  if (chosen) return <Under key={chosen.name} role={chosen} />;
  if (roles.data?.length === 1 && path.length === 1 && roles.data[0]) go(to(['issue', roles.data[0].name]), true);
  return (
    <Page title={t.issue.title}>
      <Shown of={roles}>
        {(list) => (list.length === 0 ? <Empty title={t.roles.none} action={admin && <LinkButton kind="primary" href={to(['roles', 'new'])}>{t.roles.create}</LinkButton>}>{t.roles.noneText}</Empty> : <ChooseRole roles={list} />)}
      </Shown>
    </Page>
  );
}
