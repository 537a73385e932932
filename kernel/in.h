/* SPDX-License-Identifier: GPL-2.0 */
/* The receive path. */
#ifndef SIPSEC_IN_H
#define SIPSEC_IN_H

struct net;

/* The LOCAL_IN and FORWARD hooks of a namespace; process context, may sleep. */
int sipsec_in_register(struct net *net);
void sipsec_in_unregister(struct net *net);

/* The look at ESP packets before xfrm's, for all namespaces; process context, may sleep. */
int sipsec_in_init(void);
void sipsec_in_exit(void);

#endif
