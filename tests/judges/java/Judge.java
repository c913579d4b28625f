import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CRL;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Judges cases by Java's CertPathValidator, with CRLs and with OCSP answers: {@code Judge FOLDER}. */
public class Judge {
    private static CertificateFactory factory;

    public static void main(String[] arguments) throws Exception {
        factory = CertificateFactory.getInstance("X.509");
        int cases = 0;
        int failed = 0;
        for (File folder : new File(arguments[0]).listFiles(File::isDirectory)) {
            cases++;
            for (boolean ocsp : new boolean[] {false, true}) {
                String problem = judge(folder.toPath(), ocsp);
                if (problem != null) {
                    failed++;
                    System.out.println(folder.getName() + (ocsp ? " by OCSP: " : " by CRL: ") + problem);
                }
            }
        }
        System.out.println(cases + " cases, " + failed + " failed");
        System.exit(failed > 0 || cases == 0 ? 1 : 0);
    }

    private static String judge(Path folder, boolean ocsp) throws Exception {
        X509Certificate leaf = certificate(folder, "leaf.pem");
        X509Certificate issuer = certificate(folder, "issuer.pem");
        boolean revoked = Files.readString(folder.resolve("status")).equals("revoked");
        CertPathValidator validator = CertPathValidator.getInstance("PKIX");
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(certificate(folder, "root.pem"), null)));
        // Java refuses what it does not process itself, such as critical time stamping, only where a purpose is asked for.
        if (ocsp) {
            PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
            checker.setOptions(
                EnumSet.of(PKIXRevocationChecker.Option.NO_FALLBACK, PKIXRevocationChecker.Option.ONLY_END_ENTITY));
            checker.setOcspResponses(Map.of(leaf, Files.readAllBytes(folder.resolve("leaf.ocsp"))));
            parameters.addCertPathChecker(checker);
        } else {
            List<CRL> lists = List.of(list(folder, "issuer.crl"), list(folder, "root.crl"));
            parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(lists)));
            // Without it, it looks for CRLs where the certificates say.
            PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
            checker.setOptions(
                EnumSet.of(PKIXRevocationChecker.Option.PREFER_CRLS, PKIXRevocationChecker.Option.NO_FALLBACK));
            parameters.addCertPathChecker(checker);
        }
        CertPath path = factory.generateCertPath(List.of(leaf, issuer));
        try {
            validator.validate(path, parameters);
            return revoked ? "it is revoked, and was taken as good" : null;
        } catch (CertPathValidatorException error) {
            boolean said = error.getReason() == CertPathValidatorException.BasicReason.REVOKED;
            return revoked && said ? null : error.getReason() + ": " + error.getMessage();
        }
    }

    private static X509Certificate certificate(Path folder, String name) throws Exception {
        try (InputStream stream = new FileInputStream(folder.resolve(name).toFile())) {
            return (X509Certificate) factory.generateCertificate(stream);
        }
    }

    private static CRL list(Path folder, String name) throws Exception {
        try (InputStream stream = new FileInputStream(folder.resolve(name).toFile())) {
            return factory.generateCRL(stream);
        }
    }
}
