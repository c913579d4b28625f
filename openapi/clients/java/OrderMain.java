import certmill.*;
import certmill.api.*;
import certmill.model.*;
import java.util.*;

/** One order at an ACME server by a generated client: an account, an order, its certificate. */
class OrderMain {
  static void check(boolean right, Object what) {
    if (!right) throw new AssertionError(what);
  }

  public static void main(String[] arguments) throws Exception {
    var client = new ApiClient();
    client.updateBaseUri(System.getenv("CERTMILL_URL"));
    client.setRequestInterceptor(it -> it.header("Authorization", "Bearer " + System.getenv("CERTMILL_TOKEN")));
    var acme = new AcmeApi(client);
    var wish = new RegisterAccountRequest().name("java-" + UUID.randomUUID().toString().substring(0, 8));
    wish.provider(AcmeProvider.CUSTOM).directoryUrl(System.getenv("CERTMILL_ACME_DIRECTORY")).termsOfServiceAgreed(true);
    var account = acme.createAcmeAccount(wish, null);
    check(account.getStatus() == AccountStatus.VALID, account);
    // The server looks for the answer to its challenge at this machine. Other programs have ordered for the same name.
    var wanted = new OrderRequest().accountId(account.getId()).domains(List.of("127.0.0.1")).autoRenew(false).force(true);
    var order = acme.createAcmeOrder(wanted.challengeType(ChallengeType.HTTP_01), "30s", null);
    check(order.getStatus() == OrderStatus.VALID, order);
    var certificate = new CertificatesApi(client).getCertificate(order.getCertificateId());
    check(certificate.getSans().getIp().equals(List.of("127.0.0.1")), certificate);
    acme.deactivateAcmeAccount(account.getId(), null);
    System.out.printf("java: the order %s is %s%n", order.getId(), order.getStatus());
  }
}
