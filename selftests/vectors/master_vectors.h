/* SPDX-License-Identifier: GPL-2.0 */
/* Do not edit: written by selftests/make_vectors.py from Documentation/protocol.rst. */
#ifndef SIPSEC_MASTER_VECTORS_H
#define SIPSEC_MASTER_VECTORS_H

/* Lines end with a null pointer; octets are hex digits, "" where there is no dh. */
struct master_vector {
	const char *name;
	const char *prf;
	const char *offered[3];
	const char *answered;
	const char *secret_o;
	const char *secret_a;
	const char *x25519_scalar_o;
	const char *x25519_scalar_a;
	const char *dh;
	const char *transcript;
	const char *master;
};

static const struct master_vector master_vectors[] = {
	{
		.name = "one line, HMAC_SHA2_256",
		.prf = "HMAC_SHA2_256",
		.offered = {
			"ipsec-sa:1 ESP_AES_128_GCM_16 inline:Wsj89WhQJYd33HOpPBcnMOfTfUwSP1eHeRmA99XSXd0= spi=5d1c2a00 rotate=2^20",
		},
		.answered = "ipsec-sa:1 ESP_AES_128_GCM_16 inline:8UBG+yw7AjrZYuLZz2++06JWgUB+vVTemMCdJpIk6fY= spi=2b7e1500 rotate=1000",
		.secret_o = "5ac8fcf56850258777dc73a93c172730e7d37d4c123f5787791980f7d5d25ddd",
		.secret_a = "f14046fb2c3b023ad962e2d9cf6fbed3a25681407ebd54de98c09d269224e9f6",
		.x25519_scalar_o = "",
		.x25519_scalar_a = "",
		.dh = "",
		.transcript = "19f03215ce3e3bd15b62f0bd3e21970732c1f6f5783334c414bccef204bec06f",
		.master = "1698d0ce846e1072f8de399b4f21c7b6cd86e7b280438f7554d6183eabe2a52b",
	},
	{
		.name = "two lines, the second answered, HMAC_SHA2_256",
		.prf = "HMAC_SHA2_256",
		.offered = {
			"ipsec-sa:1 ESP_AES_128_GCM_16 inline:Wsj89WhQJYd33HOpPBcnMOfTfUwSP1eHeRmA99XSXd0= spi=5d1c2a00 rotate=2^20",
			"ipsec-sa:2 ESP_CHACHA20_POLY1305 inline:UYV492lHS3gtkdM97K23gcrSTR9gfCfkYWm7IQneoBo= spi=5d1c2a00 addr=192.0.2.1 life=7200",
		},
		.answered = "ipsec-sa:2 ESP_CHACHA20_POLY1305 inline:8UBG+yw7AjrZYuLZz2++06JWgUB+vVTemMCdJpIk6fY= spi=2b7e1500 addr=2001:db8::2",
		.secret_o = "518578f769474b782d91d33decadb781cad24d1f607c27e46169bb2109dea01a",
		.secret_a = "f14046fb2c3b023ad962e2d9cf6fbed3a25681407ebd54de98c09d269224e9f6",
		.x25519_scalar_o = "",
		.x25519_scalar_a = "",
		.dh = "",
		.transcript = "6c4b97b1bffd06a48d1d06b9d60a00d8fba46f54110d321c58999325b8e5e7e0",
		.master = "20828181356ce6d94a1c470966b0f9b9caa11ed164590b5880b2962cf6130f3e",
	},
	{
		.name = "the same two lines in the other order, HMAC_SHA2_256",
		.prf = "HMAC_SHA2_256",
		.offered = {
			"ipsec-sa:2 ESP_CHACHA20_POLY1305 inline:UYV492lHS3gtkdM97K23gcrSTR9gfCfkYWm7IQneoBo= spi=5d1c2a00 addr=192.0.2.1 life=7200",
			"ipsec-sa:1 ESP_AES_128_GCM_16 inline:Wsj89WhQJYd33HOpPBcnMOfTfUwSP1eHeRmA99XSXd0= spi=5d1c2a00 rotate=2^20",
		},
		.answered = "ipsec-sa:2 ESP_CHACHA20_POLY1305 inline:8UBG+yw7AjrZYuLZz2++06JWgUB+vVTemMCdJpIk6fY= spi=2b7e1500 addr=2001:db8::2",
		.secret_o = "518578f769474b782d91d33decadb781cad24d1f607c27e46169bb2109dea01a",
		.secret_a = "f14046fb2c3b023ad962e2d9cf6fbed3a25681407ebd54de98c09d269224e9f6",
		.x25519_scalar_o = "",
		.x25519_scalar_a = "",
		.dh = "",
		.transcript = "d1e02e30c8fa83484b942705581f10953b7814be675208431b87feddf9164cb3",
		.master = "b0225b566ecdaf361dfe94341c2d1acade6d96b9de3424e61ade4f3c4dcf19fb",
	},
	{
		.name = "with dh, HMAC_SHA2_256",
		.prf = "HMAC_SHA2_256",
		.offered = {
			"ipsec-sa:1 ESP_AES_128_GCM_16 inline:Wsj89WhQJYd33HOpPBcnMOfTfUwSP1eHeRmA99XSXd0= spi=5d1c2a00 dh=x25519:ST9wF615YBM0YQmLvVQmcZxGhgStG1CDXP8RfIvY/xQ=",
			"ipsec-sa:2 ESP_CHACHA20_POLY1305 inline:UYV492lHS3gtkdM97K23gcrSTR9gfCfkYWm7IQneoBo= spi=5d1c2a00 addr=192.0.2.1 life=7200",
		},
		.answered = "ipsec-sa:1 ESP_AES_128_GCM_16 inline:8UBG+yw7AjrZYuLZz2++06JWgUB+vVTemMCdJpIk6fY= spi=2b7e1500 dh=x25519:Ok13hlLcpg9st8vUvHufQWKFx8k820ic21Q+1f7L1Hc=",
		.secret_o = "5ac8fcf56850258777dc73a93c172730e7d37d4c123f5787791980f7d5d25ddd",
		.secret_a = "f14046fb2c3b023ad962e2d9cf6fbed3a25681407ebd54de98c09d269224e9f6",
		.x25519_scalar_o = "d6ba706d669ccc78d323df876152ab7d9189427dcf445bc7b285c841454894c5",
		.x25519_scalar_a = "0414af23aa2fca461c721b025acf44f21826570b0f50a7d355538b9b0149e6eb",
		.dh = "825abc238f9096a5e12dba9e27796f3d3e00ddca11f8f76e8f6761fa7a685803",
		.transcript = "d2577e10dd60ce705c1ce49aefe5a0cb2ebb7aee1a5dddbaded9311a2f49ac3e",
		.master = "d21c2d5b15686dabba05a8dddafd33ae229c484f904c9edd6d975043a897addb",
	},
	{
		.name = "dh in a line that is not chosen, HMAC_SHA2_256",
		.prf = "HMAC_SHA2_256",
		.offered = {
			"ipsec-sa:1 ESP_AES_128_GCM_16 inline:Wsj89WhQJYd33HOpPBcnMOfTfUwSP1eHeRmA99XSXd0= spi=5d1c2a00 dh=x25519:ST9wF615YBM0YQmLvVQmcZxGhgStG1CDXP8RfIvY/xQ=",
			"ipsec-sa:2 ESP_CHACHA20_POLY1305 inline:UYV492lHS3gtkdM97K23gcrSTR9gfCfkYWm7IQneoBo= spi=5d1c2a00 addr=192.0.2.1 life=7200",
		},
		.answered = "ipsec-sa:2 ESP_CHACHA20_POLY1305 inline:8UBG+yw7AjrZYuLZz2++06JWgUB+vVTemMCdJpIk6fY= spi=2b7e1500",
		.secret_o = "518578f769474b782d91d33decadb781cad24d1f607c27e46169bb2109dea01a",
		.secret_a = "f14046fb2c3b023ad962e2d9cf6fbed3a25681407ebd54de98c09d269224e9f6",
		.x25519_scalar_o = "",
		.x25519_scalar_a = "",
		.dh = "",
		.transcript = "d94cf98062824b662d3b89e9c029f5723ca8cabc2108caee67ca8df22693f52a",
		.master = "0798e0d6ede63c9a76151301998185fc7c7c5975baa280317051899d16fc3e4c",
	},
	{
		.name = "one line, HMAC_SHA2_384",
		.prf = "HMAC_SHA2_384",
		.offered = {
			"ipsec-sa:1 ESP_AES_128_GCM_16 inline:Wsj89WhQJYd33HOpPBcnMOfTfUwSP1eHeRmA99XSXd0= spi=5d1c2a00 rotate=2^20 prf=HMAC_SHA2_384",
		},
		.answered = "ipsec-sa:1 ESP_AES_128_GCM_16 inline:8UBG+yw7AjrZYuLZz2++06JWgUB+vVTemMCdJpIk6fY= spi=2b7e1500 rotate=1000 prf=HMAC_SHA2_384",
		.secret_o = "5ac8fcf56850258777dc73a93c172730e7d37d4c123f5787791980f7d5d25ddd",
		.secret_a = "f14046fb2c3b023ad962e2d9cf6fbed3a25681407ebd54de98c09d269224e9f6",
		.x25519_scalar_o = "",
		.x25519_scalar_a = "",
		.dh = "",
		.transcript = "cba00af369c94ec2efdb9ee3375bcdc99bae72ed0e9596531f6379bc296a7901de3fa897a488f98491b3603b20d6d23b",
		.master = "bcc5a1bbc762e8fb7e8cc5ec16587503abac0919a65a71c1f2c2408e4fd6ecaae4403c2cd04a8a09273a437b305b97fe",
	},
	{
		.name = "two lines, the second answered, HMAC_SHA2_384",
		.prf = "HMAC_SHA2_384",
		.offered = {
			"ipsec-sa:1 ESP_AES_128_GCM_16 inline:Wsj89WhQJYd33HOpPBcnMOfTfUwSP1eHeRmA99XSXd0= spi=5d1c2a00 rotate=2^20 prf=HMAC_SHA2_384",
			"ipsec-sa:2 ESP_CHACHA20_POLY1305 inline:UYV492lHS3gtkdM97K23gcrSTR9gfCfkYWm7IQneoBo= spi=5d1c2a00 addr=192.0.2.1 life=7200 prf=HMAC_SHA2_384",
		},
		.answered = "ipsec-sa:2 ESP_CHACHA20_POLY1305 inline:8UBG+yw7AjrZYuLZz2++06JWgUB+vVTemMCdJpIk6fY= spi=2b7e1500 addr=2001:db8::2 prf=HMAC_SHA2_384",
		.secret_o = "518578f769474b782d91d33decadb781cad24d1f607c27e46169bb2109dea01a",
		.secret_a = "f14046fb2c3b023ad962e2d9cf6fbed3a25681407ebd54de98c09d269224e9f6",
		.x25519_scalar_o = "",
		.x25519_scalar_a = "",
		.dh = "",
		.transcript = "c8dd318856e2650d4cdf6bcac9c71aee3389062f5a8124160b271177a8614c597298d67568a8e6d7b42ce0d2eacaf7fd",
		.master = "470dc5735e6af4442282acdf5a24dbb1e986e9bd7c4758c205f9c554d11153a35ca15d33d8c951ee48aab1846a7f9930",
	},
	{
		.name = "the same two lines in the other order, HMAC_SHA2_384",
		.prf = "HMAC_SHA2_384",
		.offered = {
			"ipsec-sa:2 ESP_CHACHA20_POLY1305 inline:UYV492lHS3gtkdM97K23gcrSTR9gfCfkYWm7IQneoBo= spi=5d1c2a00 addr=192.0.2.1 life=7200 prf=HMAC_SHA2_384",
			"ipsec-sa:1 ESP_AES_128_GCM_16 inline:Wsj89WhQJYd33HOpPBcnMOfTfUwSP1eHeRmA99XSXd0= spi=5d1c2a00 rotate=2^20 prf=HMAC_SHA2_384",
		},
		.answered = "ipsec-sa:2 ESP_CHACHA20_POLY1305 inline:8UBG+yw7AjrZYuLZz2++06JWgUB+vVTemMCdJpIk6fY= spi=2b7e1500 addr=2001:db8::2 prf=HMAC_SHA2_384",
		.secret_o = "518578f769474b782d91d33decadb781cad24d1f607c27e46169bb2109dea01a",
		.secret_a = "f14046fb2c3b023ad962e2d9cf6fbed3a25681407ebd54de98c09d269224e9f6",
		.x25519_scalar_o = "",
		.x25519_scalar_a = "",
		.dh = "",
		.transcript = "680c783a02dcb2d5ea16fc5d3de2952f07517ba742a93183206ca3817b56c6ce343d0b33e092aba509896256d68e044d",
		.master = "9820d0790cabb4ade877741ad78f7ed083d08ce44a29ff29fb64ce7ec7b4db0ccc014c831659de5bc3a3be251e3599cd",
	},
	{
		.name = "with dh, HMAC_SHA2_384",
		.prf = "HMAC_SHA2_384",
		.offered = {
			"ipsec-sa:1 ESP_AES_128_GCM_16 inline:Wsj89WhQJYd33HOpPBcnMOfTfUwSP1eHeRmA99XSXd0= spi=5d1c2a00 prf=HMAC_SHA2_384 dh=x25519:ST9wF615YBM0YQmLvVQmcZxGhgStG1CDXP8RfIvY/xQ=",
			"ipsec-sa:2 ESP_CHACHA20_POLY1305 inline:UYV492lHS3gtkdM97K23gcrSTR9gfCfkYWm7IQneoBo= spi=5d1c2a00 addr=192.0.2.1 life=7200 prf=HMAC_SHA2_384",
		},
		.answered = "ipsec-sa:1 ESP_AES_128_GCM_16 inline:8UBG+yw7AjrZYuLZz2++06JWgUB+vVTemMCdJpIk6fY= spi=2b7e1500 prf=HMAC_SHA2_384 dh=x25519:Ok13hlLcpg9st8vUvHufQWKFx8k820ic21Q+1f7L1Hc=",
		.secret_o = "5ac8fcf56850258777dc73a93c172730e7d37d4c123f5787791980f7d5d25ddd",
		.secret_a = "f14046fb2c3b023ad962e2d9cf6fbed3a25681407ebd54de98c09d269224e9f6",
		.x25519_scalar_o = "d6ba706d669ccc78d323df876152ab7d9189427dcf445bc7b285c841454894c5",
		.x25519_scalar_a = "0414af23aa2fca461c721b025acf44f21826570b0f50a7d355538b9b0149e6eb",
		.dh = "825abc238f9096a5e12dba9e27796f3d3e00ddca11f8f76e8f6761fa7a685803",
		.transcript = "acb090769fd1602fa14b86f615d427a0782c1e82ac20667ef2aa796a90934f13d354ee3a8bc46397cd48b3ff344b0e3c",
		.master = "921f26f3bb87b5d74525e0daac60a8abacf747db0e07472e58085c0dcbef5e82623ec78c7b7548f271be6c4e61904033",
	},
	{
		.name = "dh in a line that is not chosen, HMAC_SHA2_384",
		.prf = "HMAC_SHA2_384",
		.offered = {
			"ipsec-sa:1 ESP_AES_128_GCM_16 inline:Wsj89WhQJYd33HOpPBcnMOfTfUwSP1eHeRmA99XSXd0= spi=5d1c2a00 prf=HMAC_SHA2_384 dh=x25519:ST9wF615YBM0YQmLvVQmcZxGhgStG1CDXP8RfIvY/xQ=",
			"ipsec-sa:2 ESP_CHACHA20_POLY1305 inline:UYV492lHS3gtkdM97K23gcrSTR9gfCfkYWm7IQneoBo= spi=5d1c2a00 addr=192.0.2.1 life=7200 prf=HMAC_SHA2_384",
		},
		.answered = "ipsec-sa:2 ESP_CHACHA20_POLY1305 inline:8UBG+yw7AjrZYuLZz2++06JWgUB+vVTemMCdJpIk6fY= spi=2b7e1500 prf=HMAC_SHA2_384",
		.secret_o = "518578f769474b782d91d33decadb781cad24d1f607c27e46169bb2109dea01a",
		.secret_a = "f14046fb2c3b023ad962e2d9cf6fbed3a25681407ebd54de98c09d269224e9f6",
		.x25519_scalar_o = "",
		.x25519_scalar_a = "",
		.dh = "",
		.transcript = "090de972066f41c6f9f5c643063a4e390d6def4683c1f5cdc88d7ae5bda985193643ac2f4f17d983d0753123e4929685",
		.master = "5b14415feef1030932797da8816fdd583a12be081a374887ac9440ff5420b7d065fe0fd24e7402f8e5a9fe450cd4ef2e",
	},
};

#endif
