/** A setting of a DNS provider: its name, and whether it is a credential. Required ones are marked. */
export interface ProviderField {
  name: string;
  secret?: boolean;
  required?: boolean;
}

const open = (...names: string[]): ProviderField[] => names.map((name) => ({ name: name.replace('*', ''), required: name.endsWith('*') }));
const secret = (...names: string[]): ProviderField[] => names.map((name) => ({ name: name.replace('*', ''), secret: true, required: name.endsWith('*') }));

/** The fields that a form shows for each type, as the description of the API has them. */
export const PROVIDERS: Record<string, { title: string; fields: ProviderField[] }> = {
  manual: { title: 'By hand', fields: [] },
  rfc2136: { title: 'Dynamic updates (RFC 2136)', fields: [...open('nameserver*', 'tsig_key', 'tsig_algorithm'), ...secret('tsig_secret')] },
  cloudflare: { title: 'Cloudflare', fields: [...secret('api_token*'), ...open('zone_id')] },
  aws_route53: { title: 'Amazon Route 53', fields: [...open('access_key_id*'), ...secret('secret_access_key*', 'session_token'), ...open('role_arn', 'hosted_zone_id')] },
  google_cloud_dns: { title: 'Google Cloud DNS', fields: [...secret('service_account_json*'), ...open('project', 'managed_zone')] },
  azure_dns: { title: 'Azure DNS', fields: [...open('tenant_id*', 'client_id*'), ...secret('client_secret*'), ...open('subscription_id*', 'resource_group*')] },
  digitalocean: { title: 'DigitalOcean', fields: secret('token*') },
  hetzner: { title: 'Hetzner', fields: secret('api_token*') },
  powerdns: { title: 'PowerDNS', fields: [...open('base_url*'), ...secret('api_key*'), ...open('server_id')] },
  desec: { title: 'deSEC', fields: secret('token*') },
  ovh: { title: 'OVHcloud', fields: [...open('application_key*'), ...secret('application_secret*', 'consumer_key*'), ...open('endpoint')] },
  gandi: { title: 'Gandi', fields: secret('personal_access_token*') },
  linode: { title: 'Linode', fields: secret('token*') },
  vultr: { title: 'Vultr', fields: secret('api_key*') },
  porkbun: { title: 'Porkbun', fields: secret('api_key*', 'secret_api_key*') },
  bunny: { title: 'bunny.net', fields: secret('access_key*') },
  scaleway: { title: 'Scaleway', fields: [...secret('secret_key*'), ...open('project_id')] },
  acme_dns: { title: 'acme-dns', fields: [...open('base_url*', 'username*'), ...secret('password*'), ...open('subdomain*', 'fulldomain*')] },
  webhook: { title: 'Webhook', fields: [...open('base_url*'), ...secret('secret')] },
};
