import { useEffect, useRef } from 'preact/hooks';
import { FormOf, Text, useForm } from '../parts/form';
import { Logo } from '../parts/shell';
import { signIn, useSession } from '../lib/session';
import { t } from '../texts';

export function SignIn() {
  const { ended } = useSession();
  const main = useRef<HTMLElement>(null);
  const form = useForm({ token: '' }, async ({ token }) => signIn(token.trim()));
  useEffect(() => {
    document.title = `${t.signIn.title} · certmill`;
    main.current?.querySelector('input')?.focus();
  }, []);
  return (
    <main class="sign-in" ref={main}>
      <Logo />
      <h1>{t.signIn.title}</h1>
      {ended && (
        <p class="problem" role="alert">
          {t.errors[ended.code] ?? ended.message}
        </p>
      )}
      <FormOf form={form} action={t.signIn.action}>
        <Text form={form} name="token" type="password" label={t.signIn.token} placeholder="cmt_…" mono hint={t.signIn.hint} />
      </FormOf>
      <p class="faint">
        {t.signIn.where} <code>certmill-data/admin.token</code>
      </p>
    </main>
  );
}
