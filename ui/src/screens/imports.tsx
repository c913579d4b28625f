import { call } from '../api/client';
import { Card, Page } from '../parts/basics';
import { given } from '../lib/format';
import { FormOf, LongText, useForm } from '../parts/form';
import { go, to } from '../lib/router';
import { t } from '../texts';

export function Import() {
  const form = useForm({ certificate_pem: '', chain_pem: '', private_key_pem: '' }, async (values) => {
    const made = await call('post', '/v1/pki/certificates/import', { body: { certificate_pem: values.certificate_pem, chain_pem: given(values.chain_pem), private_key_pem: given(values.private_key_pem) } });
    go(to(['certificates', made.id]));
  });
  return (
    <Page narrow title={t.imports.title} lead={t.imports.lead} back={{ href: to(['certificates']), text: t.certificates.title }}>
      <Card>
        <FormOf form={form} action={t.imports.action}>
          <LongText form={form} name="certificate_pem" label={t.certificate.one} rows={6} mono placeholder="-----BEGIN CERTIFICATE-----" />
          <LongText form={form} name="chain_pem" label={t.certificate.chain} rows={4} mono optional />
          <LongText form={form} name="private_key_pem" label={t.certificate.key} rows={4} mono optional hint={t.imports.keyHint} />
        </FormOf>
      </Card>
    </Page>
  );
}
