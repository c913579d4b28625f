// The main job of certmill by a generated client: CAs, a role, certificates, search, revocation, a CRL, a refusal.
package main

import (
	"certmill.example/client/certmill"
	"context"
	"log"
	"net/http"
	"os"
	"time"
)

func check(right bool, what any) {
	if !right {
		log.Fatalf("unexpected: %+v", what)
	}
}
func must[T any](value T, err error) T {
	check(err == nil, err)
	return value
}

func main() {
	ctx, run := context.Background(), time.Now().Format("go-150405-")+time.Now().Format(".000000000")[1:]
	auth := func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+os.Getenv("CERTMILL_TOKEN"))
		return nil
	}
	c := must(certmill.NewClientWithResponses(os.Getenv("CERTMILL_URL"), certmill.WithRequestEditorFn(auth)))
	ec, key, sub, ttl, limit := certmill.KeyTypeEc, certmill.RoleKeyTypeEc, true, "1h", int64(2)
	domains, san, name := []string{run + ".test"}, "*."+run+".test", "www.example.com"
	root := must(c.CreateCaWithResponse(ctx, nil, certmill.CreateCaRequest{Name: run + "-root", CommonName: "Go Root", CaType: certmill.CaKindRoot, KeyType: &ec})).JSON201
	check(root != nil && root.ParentCaId == nil, root)
	ca := must(c.CreateCaWithResponse(ctx, nil, certmill.CreateCaRequest{Name: run, CommonName: "Go CA", CaType: certmill.CaKindIntermediate, ParentCaId: &root.Id, KeyType: &ec})).JSON201
	check(ca != nil && ca.Status == certmill.CaStatusActive, ca)
	role := must(c.CreateRoleWithResponse(ctx, nil, certmill.CreateRoleRequest{Name: run, CaId: ca.Id, AllowedDomains: &domains, AllowSubdomains: &sub, KeyType: &key})).JSON201
	check(role != nil && role.KeyType == key, role)
	for _, host := range []string{"a", "b", "c"} {
		host += "." + run + ".test"
		issued := must(c.IssueCertificateWithResponse(ctx, run, nil, certmill.IssueCertificateRequest{CommonName: &host, Ttl: &ttl}))
		check(issued.JSON201 != nil, string(issued.Body))
	}
	found, query := []certmill.Certificate{}, certmill.ListCertificatesParams{CaId: &ca.Id, San: &san, Limit: &limit}
	for more := true; more; more = query.Cursor != nil {
		page := must(c.ListCertificatesWithResponse(ctx, &query)).JSON200
		found, query.Cursor = append(found, page.Certificates...), page.Cursor
	}
	check(len(found) == 3 && *found[0].CommonName == "c."+run+".test", found)
	reason := certmill.RevocationReasonSuperseded
	body := certmill.RevokeCertificateRequest{SerialNumber: found[0].SerialNumber, Reason: &reason}
	for range 2 {
		revoked := must(c.RevokeCertificateWithResponse(ctx, &certmill.RevokeCertificateParams{IdempotencyKey: &run}, body))
		check(revoked.JSON200 != nil && revoked.JSON200.Reason == reason, string(revoked.Body))
	}
	crl := must(c.GetCrlWithResponse(ctx, ca.Id, nil))
	check(crl.StatusCode() == 200 && crl.Body[0] == 0x30, crl.Status())
	refused := must(c.IssueCertificateWithResponse(ctx, run, nil, certmill.IssueCertificateRequest{CommonName: &name})).JSON422
	check(refused != nil && refused.Error.Code == certmill.ErrorContentCodeRoleViolation, refused)
	log.Printf("go: %d certificates, refused with %s", len(found), refused.Error.Code)
}
