// One order at an ACME server by a generated client: an account, an order, its certificate.
package main

import (
	"certmill.example/client/certmill"
	"context"
	"log"
	"net/http"
	"os"
	"slices"
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
	ctx, run, agreed := context.Background(), time.Now().Format("go-150405.000000000"), true
	auth := func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+os.Getenv("CERTMILL_TOKEN"))
		return nil
	}
	c := must(certmill.NewClientWithResponses(os.Getenv("CERTMILL_URL"), certmill.WithRequestEditorFn(auth)))
	directory, wait := os.Getenv("CERTMILL_ACME_DIRECTORY"), "30s"
	registered := must(c.CreateAcmeAccountWithResponse(ctx, nil, certmill.RegisterAccountRequest{Name: run, Provider: certmill.AcmeProviderCustom, DirectoryUrl: &directory, TermsOfServiceAgreed: &agreed}))
	check(registered.JSON201 != nil, string(registered.Body))
	account := registered.JSON201.Id
	// The server looks for the answer to its challenge at this machine. Other programs have ordered for the same name.
	domains, challenge, renew, force := []string{"127.0.0.1"}, certmill.ChallengeTypeHttp01, false, true
	wish := certmill.OrderRequest{AccountId: account, Domains: &domains, ChallengeType: &challenge, AutoRenew: &renew, Force: &force}
	ordered := must(c.CreateAcmeOrderWithResponse(ctx, &certmill.CreateAcmeOrderParams{Wait: &wait}, wish))
	order := ordered.JSON202
	check(order != nil && order.Status == certmill.OrderStatusValid && order.CertificateId != nil, string(ordered.Body))
	certificate := must(c.GetCertificateWithResponse(ctx, *order.CertificateId)).JSON200
	check(certificate != nil && slices.Equal(certificate.Sans.Ip, domains), certificate)
	gone := must(c.DeactivateAcmeAccountWithResponse(ctx, account, nil))
	check(gone.StatusCode() == 204, string(gone.Body))
	log.Printf("go: the order %s is %s", order.Id, order.Status)
}
