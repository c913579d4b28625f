import certmill.*;
import certmill.api.*;
import certmill.api.CertificatesApi.*;
import certmill.model.*;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.util.*;

/** The main job of certmill by a generated client: CAs, a role, certificates, search, revocation, a CRL, a refusal. */
class Main {
  static void check(boolean right, Object what) {
    if (!right) throw new AssertionError(what);
  }

  static CreateCaRequest ca(String name, CaKind kind) {
    return new CreateCaRequest().name(name).commonName("Java " + name).caType(kind).keyType(KeyType.EC);
  }

  public static void main(String[] arguments) throws Exception {
    var client = new ApiClient();
    client.updateBaseUri(System.getenv("CERTMILL_URL"));
    client.setRequestInterceptor(it -> it.header("Authorization", "Bearer " + System.getenv("CERTMILL_TOKEN")));
    var authorities = new CertificateAuthoritiesApi(client);
    var certificates = new CertificatesApi(client);
    String run = "java-" + UUID.randomUUID().toString().substring(0, 8);
    var root = authorities.createCa(ca(run + "-root", CaKind.ROOT), null);
    check(root.getParentCaId() == null, root);
    var issuing = authorities.createCa(ca(run, CaKind.INTERMEDIATE).parentCaId(root.getId()), null);
    check(issuing.getStatus() == CaStatus.ACTIVE, issuing);
    var wish = new CreateRoleRequest().name(run).caId(issuing.getId()).allowedDomains(List.of(run + ".test"));
    var role = new PkiRolesApi(client).createRole(wish.allowSubdomains(true).keyType(RoleKeyType.EC), null);
    check(role.getKeyType() == RoleKeyType.EC, role);
    for (String host : List.of("a", "b", "c")) {
      certificates.issueCertificate(run, new IssueCertificateRequest().commonName(host + "." + run + ".test").ttl("1h"), null);
    }
    var found = new ArrayList<Certificate>();
    String cursor = null;
    do {
      var query = APIListCertificatesRequest.newBuilder().caId(issuing.getId()).san("*." + run + ".test").limit(2L);
      var page = certificates.listCertificates(query.cursor(cursor).build());
      found.addAll(page.getCertificates());
      cursor = page.getCursor();
    } while (cursor != null);
    check(found.size() == 3 && found.get(0).getCommonName().equals("c." + run + ".test"), found);
    var revocation = new RevokeCertificateRequest().serialNumber(found.get(0).getSerialNumber()).reason(RevocationReason.SUPERSEDED);
    for (int time = 0; time < 2; time++) {
      check(certificates.revokeCertificate(revocation, run).getReason() == RevocationReason.SUPERSEDED, revocation);
    }
    var wanted = CertificateAuthoritiesApi.APIGetCrlRequest.newBuilder().id(issuing.getId()).build();
    check(Files.readAllBytes(authorities.getCrl(wanted).toPath())[0] == 0x30, "no DER");
    try {
      certificates.issueCertificate(run, new IssueCertificateRequest().commonName("www.example.com"), null);
      check(false, "a name outside of the role was certified");
    } catch (ApiException refusal) {
      var code = new ObjectMapper().readTree(refusal.getResponseBody()).at("/error/code").asText();
      check(refusal.getCode() == 422 && code.equals(ErrorContent.CodeEnum.ROLE_VIOLATION.getValue()), refusal);
      System.out.printf("java: %d certificates, refused with %s%n", found.size(), code);
    }
  }
}
