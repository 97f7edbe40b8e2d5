//go:build !go_smtp_0_12

package main

import "github.com/emersion/go-smtp"

type backend struct{}

func (backend) NewSession(connection *smtp.Conn) (smtp.Session, error) { return session{}, nil }

func (session) Mail(from string, opts *smtp.MailOptions) error { return nil }
func (session) Rcpt(to string, opts *smtp.RcptOptions) error   { return nil }
