// A go-smtp server that takes everything and keeps nothing.
//
// go_smtp_server PORT [PEM]: with a file of certificate and key, TLS from the start.
package main

import (
	"crypto/tls"
	"io"
	"io/ioutil"
	"log"
	"os"

	"github.com/emersion/go-smtp"
)

type session struct{}

func (session) Reset()        {}
func (session) Logout() error { return nil }

func (session) Data(r io.Reader) error {
	_, err := io.Copy(ioutil.Discard, r)
	return err
}

func main() {
	server := smtp.NewServer(backend{})
	server.Addr = "127.0.0.1:" + os.Args[1]
	server.Domain = "localhost"
	if len(os.Args) == 2 {
		log.Fatal(server.ListenAndServe())
	}
	pair, err := tls.LoadX509KeyPair(os.Args[2], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
	log.Fatal(server.ListenAndServeTLS())
}
