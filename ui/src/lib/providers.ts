/** What the types of DNS providers are called. Which there are, and what each takes, the API says. */
export const TITLES: Record<string, string> = {
  acme_dns: 'acme-dns', aws_route53: 'Amazon Route 53', azure_dns: 'Azure DNS', bunny: 'bunny.net', cloudflare: 'Cloudflare', desec: 'deSEC', digitalocean: 'DigitalOcean', gandi: 'Gandi', godaddy: 'GoDaddy',
  google_cloud_dns: 'Google Cloud DNS', hetzner: 'Hetzner', linode: 'Linode', manual: 'By hand', namecheap: 'Namecheap', ovh: 'OVHcloud', porkbun: 'Porkbun', powerdns: 'PowerDNS', rfc2136: 'Dynamic updates (RFC 2136)',
  scaleway: 'Scaleway', vultr: 'Vultr', webhook: 'Webhook',
};
